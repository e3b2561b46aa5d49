package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"scrapelog/domain"
	"scrapelog/handlers/dial"
)

const (
	maxEvent     = 64 << 10               // the contract's
	maxBlock     = 256 << 10              // the limit at which scrapelog stops reading
	beatsToLose  = 3                      // missed in a row
	grace        = 250 * time.Millisecond // what scrapelog adds to a time of silence
	closing      = 2 * time.Second        // how long a stream may stay open after its terminal event
	sameInstant  = 50 * time.Millisecond
	quotedLength = 60
)

// transcript is the content of a stream. One goroutine reads the stream; others may use
// the fields once over is closed.
type transcript struct {
	began time.Time
	beat  time.Duration
	over  chan struct{}

	line  []byte
	cr    bool // the last byte was a carriage return, which has ended a line
	block block

	events    int
	last      string        // kind of the last event
	lastAt    time.Time     // when it was whole
	heardAt   time.Time     // the last byte
	beatAt    time.Time     // the last beat
	gap       time.Duration // the longest time without a whole event
	terminals []string      // kind and data
	endedAt   time.Time     // the first terminal event
	closedAt  time.Time     // the end of the stream
	end       error         // what the stream ended with; io.EOF is clean
	flaws     map[Rule]flaw
}

type flaw struct{ seen, fix string }

// block is an event whose blank line has not come yet.
type block struct {
	size     int
	named    bool
	kind     string
	data     [][]byte
	comments int
}

func newTranscript(now time.Time, beat time.Duration) *transcript {
	return &transcript{began: now, beat: beat, lastAt: now, heardAt: now, over: make(chan struct{}), flaws: map[Rule]flaw{}}
}

// isOver reports whether the stream has ended.
func (t *transcript) isOver() bool {
	select {
	case <-t.over:
		return true
	default:
		return false
	}
}

// read reads the stream until the scraper ends it, it is silent for longer than
// scrapelog waits, or the check leaves.
func (t *transcript) read(conn net.Conn, stream io.Reader) {
	defer close(t.over)
	buf := make([]byte, 32<<10)
	for t.end == nil {
		_ = conn.SetReadDeadline(t.deadline())
		n, err := stream.Read(buf)
		t.hear(buf[:n], time.Now())
		if t.end == nil {
			t.end = err
		}
	}
	t.closedAt = time.Now()
	t.breaks(t.closedAt)
}

// lasted returns the time to the terminal event, or to the end if none came.
func (t *transcript) lasted() time.Duration {
	if t.endedAt.IsZero() {
		return t.closedAt.Sub(t.began)
	}
	return t.endedAt.Sub(t.began)
}

func (t *transcript) deadline() time.Time {
	switch {
	case !t.endedAt.IsZero():
		return t.endedAt.Add(closing)
	case t.beat > 0:
		return t.lastAt.Add(beatsToLose*t.beat + grace)
	}
	return t.heardAt.Add(domain.DefaultScraperConfig().IdleTimeout.Std() + grace)
}

func (t *transcript) flaw(rule Rule, fix, seen string, args ...any) {
	if _, known := t.flaws[rule]; !known {
		t.flaws[rule] = flaw{fmt.Sprintf(seen, args...), fix}
	}
}

// breaks counts the time without an event until now.
func (t *transcript) breaks(now time.Time) {
	if t.endedAt.IsZero() {
		t.gap = max(t.gap, now.Sub(t.lastAt))
	}
}

// hear splits bytes into lines, which end with LF, CRLF or CR.
func (t *transcript) hear(p []byte, now time.Time) {
	if len(p) > 0 {
		t.heardAt = now
	}
	for _, c := range p {
		switch {
		case c == '\n' && t.cr:
			t.cr = false
		case c == '\n', c == '\r':
			t.cr = c == '\r'
			t.hearLine(t.line, now)
			t.line = t.line[:0]
		default:
			t.cr = false
			t.line = append(t.line, c)
			if t.block.size+len(t.line) > maxBlock {
				t.flaw(RuleData, fixSize, "an event of more than %d KB: scrapelog stops reading there", maxBlock>>10)
				t.end = errTooLong
				return
			}
		}
	}
}

var errTooLong = errors.New("an event is too long")

func (t *transcript) hearLine(line []byte, now time.Time) {
	if len(line) == 0 {
		t.dispatch(now)
		return
	}
	t.block.size += len(line) + 1
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "":
		if t.block.comments++; t.block.comments > 1 {
			t.flaw(RuleBlank, fixComment, "comments follow each other without a blank line")
		}
	case "event":
		if t.block.named {
			t.flaw(RuleBlank, fixBlank, "%q and %q stand in one event", t.block.kind, value)
		}
		t.block.named, t.block.kind = true, string(value)
	case "data":
		t.block.data = append(t.block.data, bytes.Clone(value))
	case "id", "retry":
	default:
		t.flaw(RuleData, fixField, "a line that is no field: %s", quote(line))
	}
}

// dispatch ends the block and judges the event in it, if there is one.
func (t *transcript) dispatch(now time.Time) {
	b := t.block
	t.block = block{}
	if !b.named && b.data == nil {
		return
	}
	t.events++
	t.gap = max(t.gap, now.Sub(t.lastAt))
	t.last, t.lastAt = b.kind, now
	t.judgeData(b)
	switch {
	case !t.endedAt.IsZero():
		t.terminals = append(t.terminals, b.kind)
	case b.kind == "completed", b.kind == "failed":
		t.endedAt = now
		t.terminals = append(t.terminals, b.kind+" "+quote(bytes.Join(b.data, []byte("\n"))))
		t.judgeTerminal(b)
	case b.kind == "beat":
		if t.beat > 0 && !t.beatAt.IsZero() && now.Sub(t.beatAt) < sameInstant {
			t.flaw(RuleFlush, fixFlush, "two beats came in the same instant, %s after the header", since(t.began, now))
		}
		t.beatAt = now
	}
}

func (t *transcript) judgeData(b block) {
	data := bytes.Join(b.data, []byte("\n"))
	switch {
	case b.size > maxEvent:
		t.flaw(RuleData, fixSize, "%q of %d KB", b.kind, b.size>>10)
	case !utf8.Valid(data):
		t.flaw(RuleData, fixUTF8, "the data of %q is not UTF-8: %s", b.kind, quote(data))
	case json.Valid(data), b.kind == "beat" && len(data) == 0:
	case len(b.data) > 1 && json.Valid(b.data[0]) && json.Valid(b.data[1]):
		t.flaw(RuleBlank, fixBlank, "%d data lines that are JSON each stand in one event", len(b.data))
	default:
		t.flaw(RuleData, fixJSON, "the data of %q is not JSON: %s", b.kind, quote(data))
	}
}

// judgeTerminal reads the event as scrapelog does for a run.
func (t *transcript) judgeTerminal(b block) {
	last, _ := dial.ParseTerminal(b.kind, string(bytes.Join(b.data, []byte("\n"))))
	if last.Broken != "" {
		t.flaw(RuleEnding, fixTerminal, "%s: the run would end as failed, code protocol", t.terminals[0])
	}
}

// said reports whether the stream ended with a terminal event of that kind, with or
// without its blank line.
func (t *transcript) said(kind string) bool {
	last, _ := t.unfinished()
	return last == kind || len(t.terminals) > 0 && strings.HasPrefix(t.terminals[0], kind+" ")
}

// unfinished returns the kind of an event whose blank line did not come.
func (t *transcript) unfinished() (kind string, is bool) {
	b := t.block
	if name, value, _ := strings.Cut(string(t.line), ":"); name == "event" {
		b.named, b.kind = true, strings.TrimSpace(value)
	}
	return b.kind, b.named || b.data != nil || bytes.HasPrefix(t.line, []byte("data"))
}

func quote(data []byte) string {
	if len(data) > quotedLength {
		return fmt.Sprintf("%q…", data[:quotedLength])
	}
	if json.Valid(data) && utf8.Valid(data) {
		return string(data)
	}
	return fmt.Sprintf("%q", data)
}

// since returns the time between two instants, rounded for people.
func since(from, to time.Time) time.Duration { return rounded(to.Sub(from)) }

func rounded(d time.Duration) time.Duration {
	switch {
	case d < 10*time.Millisecond:
		return d.Round(100 * time.Microsecond)
	case d < time.Second:
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}
