// Package proof finds changes to the log.
//
// A chain of hashes inside a database proves little against the owner of the database,
// who can compute it again. So the log is sealed: a [Sealer] keeps a Merkle tree over
// all events and signs, every second or every 1,000 events, their number and the root
// of their tree. These checkpoints are kept in the database and in a file outside it,
// and the file is what proves the log. [Verify] recomputes everything from the events
// and reports what does not agree; [Prove] shows with a few hashes that one event is
// in a signed log.
//
// # What is found
//
// With the copy outside: that any event was edited, deleted, inserted, moved or
// renumbered, that the end was cut off, that hashes and checkpoints in the
// database were computed and signed again, even with the stolen key, and that an
// older database or an old checkpoint was put back.
//
// Without it: everything that contradicts a checkpoint in the database. A database that
// was put back, cut or, with the key, rewritten as a whole cannot be told from the true
// one; Verify then returns [Unproven].
//
// With a witness ([Witness]): a database and a copy outside that were both put back to the
// same earlier moment, and a log that was rewritten with the key together with its copy.
//
// Not found otherwise: changes to events after the last checkpoint, which are at most those of a
// second while a server runs, and all that were appended after it while none runs (a
// graceful stop signs last); changes by someone who has the key and can also replace
// the copy outside; and a database and a copy outside that were both put back to the
// same earlier moment. Keep the copy where the owner of the database cannot write: only
// a third place, such as a copy on another machine, shows the last of these.
//
// # A restart hides nothing
//
// A log that was sealed is refused while its key or its copy outside is missing or
// empty, while the copy ends before the checkpoints in the database by more than the
// one that a crash can have kept from it, and while the copy holds text that no sealer
// has written. A log that has events but no key and no checkpoint is refused too.
// [Sealer.AcceptRestored] signs such a log on purpose, and records the reason. On
// PostgreSQL an instance without the key or the copy stands by while another instance
// seals.
//
// What witnesses sign is kept twice as well, in the database and in the file
// audit.checkpoints.witnessed; Verify compares the two and reports what one of them lacks.
//
// # Formats
//
// Each is frozen: golden files in testdata hold events, their canonical bytes
// and leaf hashes, and signed checkpoints, for other programs to check against.
//
// An event's canonical bytes are the tag "scrapelog.event.v1\n" and then
// position, stream, version, id, type, recorded_at, metadata and data, each
// preceded by its length in bytes as 4 bytes big-endian. Position, version and
// recorded_at (unix microseconds) are 8 bytes big-endian, two's complement; the
// others are their bytes as they are stored, the id as text.
//
// The tree is that of RFC 6962: the leaf of position n has index n-1 and the
// hash SHA-256(0x00 || canonical bytes), an inner node SHA-256(0x01 || left ||
// right). Stored hashes have the order of [tlog.StoredHashIndex], 32 to a row
// of log_hashes.
//
// A checkpoint is a C2SP tlog-checkpoint, signed as a C2SP signed-note with
// Ed25519: the origin, which is the name of the key, the number of events, the
// root in base64. It has extension lines:
//
//	sealed TIME
//	kept FILE
//	accepted SUPERSEDED PROVEN LENGTH SHA256 TIME REASON
//
// sealed is when it was signed, in RFC 3339 with microseconds, and equals the
// column beside it in the database. kept, on PostgreSQL, marks the copy outside of
// the instance that signed it. accepted is an acceptance: it voids all earlier
// checkpoints of more than PROVEN events; SUPERSEDED is how many events had been
// signed. It counts only where the file outside has LENGTH bytes with that SHA-256
// (in base64) before it, and so once. Older programs wrote
// "restored SUPERSEDED PROVEN TIME REASON", which counts the first time it stands in
// the file and not after a checkpoint of more than SUPERSEDED events.
//
// The file outside is checkpoints, each followed by an empty line, and only
// grows. It begins with the empty tree when the key is made. What a crash has
// left of a checkpoint that was being written is passed over; other text, lines
// that end in CRLF, and an old checkpoint that is added again are refused. The file
// and the key must be regular files of the process's user or of root; a private key
// must be readable by its owner only, and the file writable by its owner only. The
// key file has a line with the private and one with the public key, in the encoding
// of [golang.org/x/mod/sumdb/note]; the public line alone is enough to verify.
//
// The key may be replaced. The key file then has a line for each replaced key, the
// newest first: "ROTATED+" and the base64 of a note that both keys sign, with the lines
// "scrapelog.key.v1", the new public key, the old one, SIZE and TIME. Checkpoints of the
// old key count up to SIZE events.
//
// A proof is a JSON document: format "scrapelog.proof.v1", the event with its
// metadata and data as text, the audit path from the leaf up, a checkpoint and
// the public key.
//
// # What a crash can leave
//
// The hashes of a batch and their checkpoint are one transaction, so neither is
// ever there without the other. The copy outside is written after it, and may
// be one checkpoint behind: the next seal appends that first. It is never ahead;
// a database that is behind its copy outside was put back, and is refused.
package proof
