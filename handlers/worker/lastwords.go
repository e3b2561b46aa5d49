package worker

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// lastWords keeps the part of a command's stderr that explains its failure: the last
// error with the lines after it, else the last lines. Programs write more after an error:
// Scrapy dumps its statistics, others log that they shut down. It is not safe for
// concurrent use.
type lastWords struct {
	tail    tail
	block   []byte // the last error, and the lines that follow
	context []byte // a log's error line, which a traceback may explain
	open    bool   // the next line belongs to block
	trace   bool   // within a Python traceback, before its exception
}

// A line is an error by the level of a log, or by the name of an error or exception
// as languages and tools write it: at the beginning, or before a colon.
var (
	errorLevel = regexp.MustCompile(`(?:^|[\s\[(])(?:ERROR|CRITICAL|FATAL|SEVERE|PANIC|ERR!|ERR)(?:[\s\]):!]|$)|\blevel=(?:error|fatal|panic|critical)\b|"level": ?"(?:error|fatal|panic|critical)"`)
	quietLevel = regexp.MustCompile(`(?:^|[\s\[(])(?:INFO|DEBUG|NOTICE|TRACE|WARN|WARNING)(?:[\s\]):!]|$)|\blevel=(?:info|debug|warn|warning)\b|"level": ?"(?:info|debug|warn|warning)"`)
	errorName  = regexp.MustCompile(`(?i)^[\w.$]*(?:error|exception|interrupt)$|(?:^|[\s(])(?:[\w.$]*(?:error|exception)|fatal|panic|caused by): |^exception in thread |panicked at `)
)

// telling holds a part of all that those match, and is found sooner.
var telling = []string{"err", "exception", "fatal", "panic", "critical", "severe", "interrupt", "caused by", "info", "debug", "notice", "trace", "warn"}

func tells(line []byte) bool {
	lower := bytes.ToLower(line)
	return slices.ContainsFunc(telling, func(part string) bool { return bytes.Contains(lower, []byte(part)) })
}

// maxJudged is how much of a line is looked at, in bytes.
const maxJudged = 2 << 10

func (w *lastWords) add(line []byte) {
	line = escapeSequences.ReplaceAll(line[:min(len(line), maxJudged)], nil)
	_, _ = w.tail.Write(append(slices.Clip(line), '\n'))
	indented := bytes.HasPrefix(line, []byte(" ")) || bytes.HasPrefix(line, []byte("\t"))
	line = bytes.TrimSpace(line)
	tells := tells(line)
	switch {
	case len(line) == 0:
	case tells && bytes.HasPrefix(line, []byte("Traceback (most recent call last)")):
		w.trace = true
	case w.trace && indented: // a frame and its source
	case w.trace:
		w.trace = false
		w.begin(append(slices.Clip(w.context), line...))
	case tells && quietLevel.Match(line):
		w.open, w.context = false, nil
	case tells && errorLevel.Match(line):
		w.begin(line)
		w.context = append(slices.Clone(line[:min(len(line), tailBytes/2)]), '\n')
	case tells && errorName.Match(line):
		w.begin(line)
		w.context = nil
	case w.open && !indented && len(w.block)+len(line) < tailBytes:
		w.block = append(append(w.block, '\n'), line...)
	}
}

func (w *lastWords) begin(line []byte) {
	w.open, w.block = true, append(w.block[:0], line[:min(len(line), tailBytes)]...)
}

func (w *lastWords) String() string {
	if len(w.block) > 0 {
		return strings.ToValidUTF8(string(w.block), "\uFFFD")
	}
	return w.tail.String()
}
