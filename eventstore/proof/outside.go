package proof

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// mark is a checkpoint that was found somewhere, without its note.
type mark struct {
	Checkpoint
	at     int64     // outside: where the note begins; inside: its number
	length int       // outside: of the note
	sum    tlog.Hash // SHA-256 of the note
	before tlog.Hash // outside: SHA-256 of what stands before an acceptance
}

// outsideFile is the copy of the checkpoints that is kept outside the database:
// notes one after the other, each followed by an empty line, appended and never
// changed. What a crash has left of a note that was being written is passed over.
type outsideFile struct{ path string }

// append adds a note, unless another instance that shares the file has added it or
// a later one meanwhile, and returns when it is on the disk.
func (o outsideFile) append(signed string) error { return o.write(signed, -1, overtaken) }

// appendAll is append for notes of which one may have fewer events than the one before.
func (o outsideFile) appendAll(signed string) error {
	return o.write(signed, -1, func(last mark, _ Checkpoint, sum tlog.Hash) bool { return last.sum == sum })
}

var errOutsideMoved = errors.New("the copy of the checkpoints outside was written to meanwhile; try again")

// appendAt is append where the note must begin at that offset; -1: anywhere.
func (o outsideFile) appendAt(signed string, at int64) error { return o.write(signed, at, overtaken) }

// write appends a note unless there, which is given the last note of the file, says that
// it need not be.
func (o outsideFile) write(signed string, at int64, there func(last mark, c Checkpoint, sum tlog.Hash) bool) error {
	dir := filepath.Dir(o.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, info, err := openAs(o.path, os.O_RDWR|os.O_APPEND|os.O_CREATE)
	if err != nil {
		return err
	}
	defer f.Close() // frees the lock
	if err := unshared(o.path, info); err != nil {
		return err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", o.path, err)
	}
	before, size, err := endsAt(f)
	if err != nil {
		return err
	}
	if at >= 0 && at != size+int64(len(before)) {
		return errOutsideMoved
	}
	if added, err := endsWith(f, size, signed, there); added || err != nil {
		return err
	}
	_, err = f.WriteString(before + signed + "\n")
	if err := errors.Join(err, f.Sync()); err != nil {
		return err
	}
	return syncDir(dir)
}

// endsAt returns the separator that must be written before a note, also after the
// remains of a crash.
func endsAt(f *os.File) (before string, size int64, err error) {
	if size, err = f.Seek(0, io.SeekEnd); err != nil || size == 0 {
		return "", size, err
	}
	end := make([]byte, min(size, 2))
	if _, err := f.ReadAt(end, size-int64(len(end))); err != nil {
		return "", size, err
	}
	if string(end) == "\n\n" {
		return "", size, nil
	}
	return "\n\n", size, nil
}

// overtaken reports whether the last note is the same, or of more events.
func overtaken(last mark, c Checkpoint, sum tlog.Hash) bool {
	return c.Restored == nil && (last.Size > c.Size || last.sum == sum)
}

// endsWith reports what there says about the last note of the file.
func endsWith(f *os.File, size int64, signed string, there func(mark, Checkpoint, tlog.Hash) bool) (bool, error) {
	c, err := parseCheckpoint(signed)
	if err != nil {
		return false, err
	}
	var tail outsideState
	tail.hashed = sha256.New()
	from := max(0, size-longestParagraph)
	var last mark
	err = tail.readFrom(io.NewSectionReader(f, from, size-from), nil, func(m mark, _ bool) { last = m })
	return last.length > 0 && there(last, c, sha256.Sum256([]byte(signed))), err
}

// place is where the next note will begin.
func (o outsideFile) place() (Place, error) {
	h := sha256.New()
	f, _, err := openRegular(o.path)
	if absent(err) {
		return Place{0, tlog.Hash(h.Sum(nil))}, nil
	}
	if err != nil {
		return Place{}, err
	}
	defer f.Close()
	before, size, err := endsAt(f)
	if err != nil {
		return Place{}, err
	}
	if _, err := io.Copy(h, io.NewSectionReader(f, 0, size)); err != nil {
		return Place{}, err
	}
	_, _ = io.WriteString(h, before) // never fails
	return Place{size + int64(len(before)), tlog.Hash(h.Sum(nil))}, nil
}

// note reads the note of a mark.
func (o outsideFile) note(m mark) (string, error) {
	f, _, err := openRegular(o.path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	signed := make([]byte, m.length)
	_, err = f.ReadAt(signed, m.at)
	return string(signed), err
}

// outsideState is the state that the notes of the file lead to, in their order.
type outsideState struct {
	last    mark // the checkpoint that the log must follow from: the largest since the last acceptance
	found   bool // there is one
	largest int64
	first   mark      // the first of the file
	fault   *Damage   // the first thing that this log's sealer has not written
	texts   [][]byte  // bodies of the acceptances so far
	hashed  hash.Hash // of what was read
	read    int64     // up to the end of its last whole note
	whole   bool      // nothing stands after that
	torn    []string  // paragraphs that may be what a crash has left, until the origin is known
}

// take judges the next note. It reports whether an acceptance counts.
func (s *outsideState) take(m mark, signed string, key note.Verifier) (accepts bool) {
	if !s.found {
		s.first = m
	}
	switch {
	case m.Restored != nil:
		accepts = s.accepts(m, signed, key)
		if accepts {
			s.last, s.largest = m, max(s.largest, m.Size)
		}
	case !s.found || m.Size >= s.last.Size:
		s.last, s.largest = m, max(s.largest, m.Size)
	case !m.SealedAt.IsZero():
		s.faulty(OutsideForged, m.at, "was tampered with: an old checkpoint, of %d events, was added again after that of %d", m.Size, s.last.Size)
	}
	s.found = true
	return accepts
}

// accepts reports whether an acceptance is signed, stands where it says, and was not
// there before.
func (s *outsideState) accepts(m mark, signed string, key note.Verifier) bool {
	text, _, _ := cutNote(signed)
	again := false
	for _, seen := range s.texts {
		again = again || string(seen) == text
	}
	s.texts = append(s.texts, []byte(text))
	r := m.Restored
	switch {
	case key != nil && !verified(signed, key):
		s.faulty(OutsideForged, m.at, "was tampered with: an acceptance in it was not signed with the key of this log")
	case again || r.Place != nil && (r.Place.Length != m.at || r.Place.SHA256 != m.before) || r.Place == nil && r.Superseded < s.largest:
		s.faulty(OutsideForged, m.at, "was tampered with: an acceptance (%s) was added again, or does not stand where it was signed for", r.Reason)
	default:
		return true
	}
	return false
}

// faulty keeps the first fault.
func (s *outsideState) faulty(kind Kind, at int64, format string, args ...any) {
	if s.fault == nil {
		s.fault = &Damage{Kind: kind, Says: fmt.Sprintf("The copy of the checkpoints outside "+format+" (at byte %d).", append(args, at)...)}
	}
}
