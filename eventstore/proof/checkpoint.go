package proof

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/domain"
)

// Checkpoint is a signed statement about the log: its first Size events have the tree
// hash Root. It is written as a C2SP tlog-checkpoint, a signed note.
type Checkpoint struct {
	Origin   string    `json:"origin"` // names the log; the name of its key
	Size     int64     `json:"size"`
	Root     tlog.Hash `json:"root"`
	SealedAt time.Time `json:"sealed_at,omitzero"`
	Kept     string    `json:"kept,omitempty"` // the file outside of the instance that signed it, on PostgreSQL
	Restored *Restored `json:"restored,omitempty"`
}

// Restored is an acceptance: the owner of the key declared on purpose that the log goes
// on although it does not follow from what was signed, or although the proof is lost.
// It is an extension line of a checkpoint, so that it is signed and has its place in
// the order of checkpoints.
type Restored struct {
	Superseded int64     `json:"superseded"` // the size of the largest checkpoint that is void now
	Proven     int64     `json:"proven"`     // the size up to which the log is the one that was signed
	Place      *Place    `json:"place,omitempty"`
	At         time.Time `json:"at"`
	Reason     string    `json:"reason"`
}

// Place is where an acceptance stands in the file outside: after so many bytes with
// that SHA-256. It counts only there.
type Place struct {
	Length int64     `json:"length"`
	SHA256 tlog.Hash `json:"sha256"`
}

// The words of the extension lines. If one is changed, programs pass over lines that
// were signed.
const (
	sealedWord   = "sealed"
	keptWord     = "kept"
	acceptedWord = "accepted"
	restoredWord = "restored" // an acceptance of older programs, which names no place
)

// text is the body of the note.
func (c Checkpoint) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
	if !c.SealedAt.IsZero() {
		fmt.Fprintf(&b, "%s %s\n", sealedWord, c.SealedAt.UTC().Format(time.RFC3339Nano))
	}
	if c.Kept != "" {
		fmt.Fprintf(&b, "%s %s\n", keptWord, c.Kept)
	}
	switch r := c.Restored; {
	case r == nil:
	case r.Place == nil:
		fmt.Fprintf(&b, "%s %d %d %s %s\n", restoredWord, r.Superseded, r.Proven, r.At.UTC().Format(time.RFC3339), r.Reason)
	default:
		fmt.Fprintf(&b, "%s %d %d %d %s %s %s\n", acceptedWord, r.Superseded, r.Proven, r.Place.Length, r.Place.SHA256,
			r.At.UTC().Format(time.RFC3339), r.Reason)
	}
	return b.String()
}

// sign writes the note.
func (c Checkpoint) sign(key note.Signer) (string, error) {
	signed, err := note.Sign(&note.Note{Text: c.text()}, key)
	if err != nil {
		return "", fmt.Errorf("sign checkpoint: %w", err)
	}
	return string(signed), nil
}

var errNoCheckpoint = errors.New("not a checkpoint")

// parseCheckpoint reads a note without looking at its signatures. Extension
// lines of others are passed over.
func parseCheckpoint(signed string) (c Checkpoint, err error) {
	text, _, found := strings.Cut(signed, "\n\n")
	lines := strings.Split(text, "\n")
	if !found || len(lines) < 3 || lines[0] == "" {
		return c, errNoCheckpoint
	}
	c.Origin = lines[0]
	if c.Size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || c.Size < 0 || strconv.FormatInt(c.Size, 10) != lines[1] {
		return c, errNoCheckpoint
	}
	if c.Root, err = tlog.ParseHash(lines[2]); err != nil {
		return c, errNoCheckpoint
	}
	for _, line := range lines[3:] {
		if err := c.extend(line); err != nil {
			return c, err
		}
	}
	return c, nil
}

// extend reads an extension line. Those of others are passed over.
func (c *Checkpoint) extend(line string) (err error) {
	word, rest, _ := strings.Cut(line, " ")
	switch {
	case word == sealedWord && c.SealedAt.IsZero():
		c.SealedAt, err = time.Parse(time.RFC3339Nano, rest)
	case word == keptWord && c.Kept == "":
		c.Kept = rest
	case word == restoredWord && c.Restored == nil:
		c.Restored, err = parseRestored(rest)
	case word == acceptedWord && c.Restored == nil:
		c.Restored, err = parseAccepted(rest)
	case slices.Contains([]string{sealedWord, keptWord, restoredWord, acceptedWord}, word): // twice
		err = errNoCheckpoint
	}
	if err != nil {
		return errNoCheckpoint
	}
	return nil
}

func parseRestored(line string) (*Restored, error) {
	fields := strings.SplitN(line, " ", 4)
	if len(fields) != 4 {
		return nil, errNoCheckpoint
	}
	superseded, err1 := strconv.ParseInt(fields[0], 10, 64)
	proven, err2 := strconv.ParseInt(fields[1], 10, 64)
	at, err3 := time.Parse(time.RFC3339, fields[2])
	return &Restored{Superseded: superseded, Proven: proven, At: at, Reason: fields[3]}, errors.Join(err1, err2, err3)
}

func parseAccepted(line string) (*Restored, error) {
	fields := strings.SplitN(line, " ", 6)
	if len(fields) != 6 {
		return nil, errNoCheckpoint
	}
	length, err1 := strconv.ParseInt(fields[2], 10, 64)
	sum, err2 := tlog.ParseHash(fields[3])
	r, err3 := parseRestored(strings.Join([]string{fields[0], fields[1], fields[4], fields[5]}, " "))
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	r.Place = &Place{length, sum}
	return r, nil
}

// verified reports whether the note carries a signature of the key, or one of a key that
// it has replaced and that was in force then.
func verified(signed string, key note.Verifier) bool {
	if _, err := note.Open([]byte(signed), note.VerifierList(key)); err == nil {
		return true
	}
	_, found := replacedSigner(signed, key)
	return found
}

// oneLine folds a reason into one line, which is what a note can hold. It refuses one that
// is empty then.
func oneLine(reason string) (string, error) {
	reason = strings.Join(strings.Fields(reason), " ")
	if reason == "" {
		return "", fmt.Errorf("%w: a reason is needed, in words", domain.ErrInvalid)
	}
	return reason, domain.CheckReason(reason)
}
