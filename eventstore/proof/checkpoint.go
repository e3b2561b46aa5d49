package proof

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/domain"
)

// Checkpoint is what is signed about the log: its first Size events have the
// tree hash Root. It is written as a C2SP tlog-checkpoint, a signed note.
type Checkpoint struct {
	Origin   string    `json:"origin"` // names the log; the name of its key
	Size     int64     `json:"size"`
	Root     tlog.Hash `json:"root"`
	Restored *Restored `json:"restored,omitempty"`
}

// Restored says that whoever had the key declared on purpose that the log went
// on from a backup. It is an extension line of a checkpoint, so that it is
// signed and stands in order with the rest.
type Restored struct {
	Superseded int64     `json:"superseded"` // the size of the largest checkpoint that is void now
	Proven     int64     `json:"proven"`     // the size up to which the restored log is the old one
	At         time.Time `json:"at"`
	Reason     string    `json:"reason"`
}

const restoredWord = "restored"

// text is the body of the note.
func (c Checkpoint) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
	if r := c.Restored; r != nil {
		fmt.Fprintf(&b, "%s %d %d %s %s\n", restoredWord, r.Superseded, r.Proven, r.At.UTC().Format(time.RFC3339), r.Reason)
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
		if rest, ok := strings.CutPrefix(line, restoredWord+" "); ok {
			if c.Restored, err = parseRestored(rest); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

func parseRestored(line string) (*Restored, error) {
	fields := strings.SplitN(line, " ", 4)
	if len(fields) != 4 {
		return nil, errNoCheckpoint
	}
	superseded, err1 := strconv.ParseInt(fields[0], 10, 64)
	proven, err2 := strconv.ParseInt(fields[1], 10, 64)
	at, err3 := time.Parse(time.RFC3339, fields[2])
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, errNoCheckpoint
	}
	return &Restored{superseded, proven, at, fields[3]}, nil
}

// verified says whether the note carries a signature of the key.
func verified(signed string, key note.Verifier) bool {
	_, err := note.Open([]byte(signed), note.VerifierList(key))
	return err == nil
}

// longestReason keeps a checkpoint within what readers of notes accept.
const longestReason = 500

// cleanReason makes one line of text of what a person gave as a reason.
func cleanReason(reason string) (string, error) {
	reason = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(reason, "\uFFFD"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
	if reason == "" {
		return "", fmt.Errorf("%w: a reason is needed, in words", domain.ErrInvalid)
	}
	if len(reason) > longestReason {
		return "", fmt.Errorf("%w: a reason has at most %d bytes", domain.ErrInvalid, longestReason)
	}
	return reason, nil
}
