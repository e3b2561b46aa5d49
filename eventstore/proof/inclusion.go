package proof

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// proofFormat is the name of the shape of Proof. A changed shape has another name.
const proofFormat = "scrapelog.proof.v1"

// Proof shows, without the database, that an event is in the log whose checkpoint it
// carries. To check it one must know the key from elsewhere.
type Proof struct {
	Format     string      `json:"format"`
	Event      Event       `json:"event"`
	Hashes     []tlog.Hash `json:"hashes"`     // the audit path of RFC 6962, from the leaf up
	Checkpoint string      `json:"checkpoint"` // C2SP tlog-checkpoint, a signed note
	Key        string      `json:"key"`        // public key, in the encoding of golang.org/x/mod/sumdb/note
}

// LongestProof bounds the file of a proof: an event has at most about a megabyte.
const LongestProof = 8 << 20

// ParseProof reads the JSON of a proof strictly: a member that is unknown, written
// in another case or given twice is refused, so that a person who reads the file
// sees what is checked. The error wraps domain.ErrInvalid.
func ParseProof(source []byte) (p Proof, err error) {
	if err := json.Unmarshal(source, &p, json.RejectUnknownMembers(true)); err != nil {
		return Proof{}, fmt.Errorf("%w: %w", domain.ErrInvalid, err)
	}
	return p, nil
}

var (
	// ErrFalseProof reports a proof that does not show what it claims.
	ErrFalseProof = errors.New("the proof is false")
	// ErrDamaged reports a log that is not what was signed.
	ErrDamaged = errors.New("the log is damaged")
)

// Prove makes the proof of one event from the newest checkpoint. The error wraps
// domain.ErrNotFound when there is no such event, domain.ErrConflict when it is
// not sealed yet, and ErrDamaged when it cannot be proven because the log is not
// what was signed.
func Prove(ctx context.Context, store *eventstore.Store, configured Files, position int64) (Proof, error) {
	key, err := keyOfLog(ctx, store, configured)
	if err != nil {
		return Proof{}, err
	}
	tx, err := newSnapshot(ctx, store)
	if err != nil {
		return Proof{}, err
	}
	defer tx.close()
	event, err := readEvent(ctx, tx, store.Dialect(), position)
	if err != nil {
		return Proof{}, err
	}
	last, err := lastStored(ctx, tx)
	if errors.Is(err, eventstore.ErrUnavailable) {
		return Proof{}, err
	}
	if err == nil && last.Size < position {
		return Proof{}, fmt.Errorf("event %d is not sealed yet, the last checkpoint covers %d: %w", position, last.Size, domain.ErrConflict)
	}
	proof := Proof{Format: proofFormat, Event: event, Checkpoint: last.note, Key: signingKey(last.note, key)}
	proof.Hashes, err = tlog.ProveRecord(last.Size, position-1, storedHashes{ctx, tx})
	if errors.Is(err, eventstore.ErrUnavailable) {
		return Proof{}, err
	}
	if err == nil {
		_, err = proof.Check()
	}
	if err != nil {
		return Proof{}, fmt.Errorf("event %d cannot be proven: %w; run \"scrapelog events verify\"", position, ErrDamaged)
	}
	return proof, nil
}

// keyOfLog reads the key, which must be here.
func keyOfLog(ctx context.Context, store *eventstore.Store, configured Files) (*Key, error) {
	files, err := FilesOf(ctx, store, configured)
	if err != nil {
		return nil, err
	}
	key, err := ReadKey(files.Key)
	if err != nil {
		return nil, fmt.Errorf("%w: key of the log: %w", eventstore.ErrUnavailable, err)
	}
	return key, nil
}

func readEvent(ctx context.Context, q eventstore.Querier, dialect eventstore.Dialect, position int64) (e Event, err error) {
	if position > 0 {
		err = readEvents(ctx, q, dialect, position-1, position, 1, func(found Event) { e = found })
	}
	if err == nil && e.Position == 0 {
		err = fmt.Errorf("event at position %d: %w", position, domain.ErrNotFound)
	}
	return e, err
}

// Check checks the proof without the database. The error wraps domain.ErrInvalid when
// it is malformed, and ErrFalseProof when it does not hold.
func (p Proof) Check() (Checkpoint, error) {
	if p.Format != proofFormat {
		return Checkpoint{}, fmt.Errorf("%w: its format is %q, not %q", domain.ErrInvalid, p.Format, proofFormat)
	}
	c, err := checkSigned(p.Checkpoint, p.Key)
	if err != nil {
		return Checkpoint{}, err
	}
	if p.Event.Position < 1 || p.Event.Position > c.Size {
		return Checkpoint{}, fmt.Errorf("%w: its checkpoint does not cover position %d", ErrFalseProof, p.Event.Position)
	}
	err = tlog.CheckRecord(p.Hashes, c.Size, c.Root, p.Event.Position-1, tlog.RecordHash(p.Event.Canonical()))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: this event was not at position %d of the log that was signed", ErrFalseProof, p.Event.Position)
	}
	return c, nil
}

// checkSigned reads a checkpoint, which must be signed with the public key beside it.
func checkSigned(signed, public string) (Checkpoint, error) {
	key, err := note.NewVerifier(public)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: key: %w", domain.ErrInvalid, err)
	}
	c, err := parseCheckpoint(signed)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: checkpoint: %w", domain.ErrInvalid, err)
	}
	if !verified(signed, key) {
		return Checkpoint{}, fmt.Errorf("%w: its checkpoint was not signed with its key", ErrFalseProof)
	}
	return c, nil
}
