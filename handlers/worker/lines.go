package worker

import (
	"bytes"
	"encoding/json"
	"io"
	"regexp"

	"scrapelog/domain"
)

// maxRead is how much of a line is read; the rest is dropped.
const maxRead = 1 << 20

// eachLine calls f with every line of r as soon as it has ended, with LF, CRLF or
// CR, and with the last one if it has no end. A line that CR ends, as progress bars
// do, is none when it is empty. The line is f's until f returns.
func eachLine(r io.Reader, f func(line []byte)) {
	var line []byte
	afterCR := false
	for buf := make([]byte, 32<<10); ; {
		n, err := r.Read(buf)
		for p := buf[:n]; len(p) > 0; {
			if afterCR && p[0] == '\n' {
				afterCR, p = false, p[1:]
				continue
			}
			afterCR = false
			end := bytes.IndexAny(p, "\r\n")
			if end < 0 {
				line = appendAtMost(line, p, maxRead)
				break
			}
			line = appendAtMost(line, p[:end], maxRead)
			if afterCR = p[end] == '\r'; len(line) > 0 || !afterCR {
				f(line)
			}
			line, p = line[:0], p[end+1:]
		}
		if err != nil {
			if len(line) > 0 {
				f(line)
			}
			return
		}
	}
}

func appendAtMost(to, p []byte, most int) []byte {
	return append(to, p[:min(len(p), max(0, most-len(to)))]...)
}

// tally counts what a command prints.
type tally struct {
	lines int64
	given *int64 // by the last line that is JSON with whole items
	wrong string // the last line that is JSON with items that are not
}

func (t *tally) add(line []byte) {
	t.lines++
	if !bytes.Contains(line, []byte(`"items"`)) {
		return
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(bare(line), &fields) != nil || fields["items"] == nil {
		return
	}
	if items, err := domain.ParseItems(fields["items"]); err == nil {
		t.given, t.wrong = &items, ""
	} else {
		t.wrong = fit(string(line), maxError)
	}
}

// items is the number that a line gave, or the number of lines.
func (t *tally) items() int64 {
	if t.given != nil {
		return *t.given
	}
	return t.lines
}

// escapeSequences are those of terminals (ECMA-48): CSI, OSC with its string, and
// those of two characters.
var escapeSequences = regexp.MustCompile(`\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]`)

// bare is a line without what terminals and Windows add to it.
func bare(line []byte) []byte {
	if bytes.IndexByte(line, 0x1b) >= 0 {
		line = escapeSequences.ReplaceAll(line, nil)
	}
	line = bytes.TrimSpace(line)
	return bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\uFEFF")))
}
