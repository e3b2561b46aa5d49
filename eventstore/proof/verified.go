package proof

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/eventstore"
)

// verification is a good verification of a log: its first size events have that root.
// It is kept as a note, signed with the key of the log, beside the copy outside, in a
// file that the next one replaces:
//
//	scrapelog.verified.v1
//	ORIGIN
//	SIZE
//	ROOT
//	TIME of the verification
//	TIME of the last one of the whole log
//	LENGTH of the copy outside at that time
//
// Its first line keeps it from being read as a checkpoint. A note that is older than an
// acceptance, or is not signed with the key, does not count.
type verification struct {
	origin      string
	size        int64
	root        tlog.Hash
	at, wholeAt time.Time
	outside     int64
}

const (
	verifiedTag = "scrapelog.verified.v1"
	// longestVerified bounds the file.
	longestVerified = 4 << 10
)

// verifiedFile is where the last good verification is kept.
func (f Files) verifiedFile() string { return f.Checkpoints + ".verified" }

func (v verification) text() string {
	return fmt.Sprintf("%s\n%s\n%d\n%s\n%s\n%s\n%d\n", verifiedTag, v.origin, v.size, v.root,
		v.at.UTC().Format(time.RFC3339), v.wholeAt.UTC().Format(time.RFC3339), v.outside)
}

var errNotVerified = errors.New("no verification")

func parseVerification(signed string, key note.Verifier) (v verification, err error) {
	opened, err := note.Open([]byte(signed), note.VerifierList(key))
	if err != nil {
		return v, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 8 || lines[0] != verifiedTag || lines[1] != key.Name() {
		return v, errNotVerified
	}
	v.origin = lines[1]
	var problems [5]error
	v.size, problems[0] = strconv.ParseInt(lines[2], 10, 64)
	v.root, problems[1] = tlog.ParseHash(lines[3])
	v.at, problems[2] = time.Parse(time.RFC3339, lines[4])
	v.wholeAt, problems[3] = time.Parse(time.RFC3339, lines[5])
	v.outside, problems[4] = strconv.ParseInt(lines[6], 10, 64)
	return v, errors.Join(problems[:]...)
}

// readVerified reads the last good verification, if it still counts: nothing was
// accepted after it, and the copy outside has not become shorter.
func (a *audit) readVerified(files Files) {
	if a.key == nil || a.claims.absent {
		return
	}
	content, err := ReadFile(files.verifiedFile(), longestVerified)
	if err != nil {
		return
	}
	v, err := parseVerification(string(content), a.key.Verifier)
	accepted := len(a.claims.restored) > 0 && a.claims.since >= v.outside
	if err != nil || accepted || v.outside > a.claims.state.read {
		return
	}
	a.verified = &v
}

// claimVerified has the root of the last good verification compared like a checkpoint.
func (a *audit) claimVerified() {
	if v := a.verified; v != nil && v.size > 0 {
		a.claims.list = append(a.claims.list, &claim{
			mark: mark{Checkpoint: Checkpoint{Origin: v.origin, Size: v.size, Root: v.root}, at: a.claims.since}, outside: true, checked: true, genuine: true,
		})
	}
}

// sinceVerified is the position after which a recent verification compares events.
func (a *audit) sinceVerified(opts Options) int64 {
	if a.verified == nil {
		return 0
	}
	least := opts.Least
	if least == 0 {
		least = LeastCompared
	}
	a.result.WholeAt = a.verified.wholeAt
	return min(a.verified.size, a.hashed-least)
}

// keepVerified writes down that the log was found as it was signed.
func (a *audit) keepVerified(files Files, at time.Time) error {
	if a.result.Since == 0 {
		a.result.WholeAt = at.UTC().Truncate(time.Second)
	}
	if a.result.Verdict != Intact || a.key == nil || a.key.Signer == nil || a.copied {
		return nil
	}
	proven := a.claims.last(true, holds)
	if proven == nil || proven.Size == 0 {
		return nil
	}
	v := verification{a.key.Verifier.Name(), proven.Size, proven.Root, at, a.result.WholeAt, a.claims.state.read}
	signed, err := note.Sign(&note.Note{Text: v.text()}, a.key.Signer)
	if err == nil {
		err = replaceFile(files.verifiedFile(), signed)
	}
	if err != nil {
		return fmt.Errorf("%w: keep the verification: %w", eventstore.ErrUnavailable, err)
	}
	return nil
}

// replaceFile writes a file atomically, in place of one that is there.
func replaceFile(path string, content []byte) error {
	return writeBeside(path, content, func(written string) error { return os.Rename(written, path) })
}
