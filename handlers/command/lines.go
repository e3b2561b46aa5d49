package command

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"scrapelog/domain"
)

// linesPerSecond is how many lines of a kind are logged in a second.
const linesPerSecond = 100

// Lines bounds the lines about losses and returns, of which an outage has one for each
// scraper: the first hundred of a second are logged, and the rest are counted, by cause,
// in a line at its end. Nil bounds nothing.
type Lines struct {
	Logger *slog.Logger

	mu      sync.Mutex
	seconds map[kind]*second
}

// kind is a kind of line: what is logged in place of those that are left out.
type kind struct {
	level slog.Level
	rest  string
}

var (
	lostLines     = kind{slog.LevelWarn, "more connections lost"}
	restoredLines = kind{slog.LevelInfo, "more connections restored"}
)

// second is what was logged of a kind in a second, and what was left out.
type second struct {
	lines int
	left  map[domain.Cause]left
}

type left struct {
	runs     int
	position int64 // of the last one
}

// leaveOut reports whether a line is left out, and counts it then.
func (l *Lines) leaveOut(k kind, cause domain.Cause, position int64) bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.seconds[k]
	if s == nil {
		if l.seconds == nil {
			l.seconds = map[kind]*second{}
		}
		s = &second{left: map[domain.Cause]left{}}
		l.seconds[k] = s
		time.AfterFunc(time.Second, func() { l.end(k, s) })
	}
	if s.lines++; s.lines <= linesPerSecond {
		return false
	}
	s.left[cause] = left{s.left[cause].runs + 1, position}
	return true
}

// end logs what was left out of a second, unless Close has.
func (l *Lines) end(k kind, s *second) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seconds[k] != s {
		return
	}
	delete(l.seconds, k)
	for _, cause := range slices.Sorted(maps.Keys(s.left)) {
		l.Logger.Log(context.Background(), k.level, k.rest, "cause", cause, "runs", s.left[cause].runs, "position", s.left[cause].position)
	}
}

// Close logs at once what was left out.
func (l *Lines) Close() {
	l.mu.Lock()
	seconds := maps.Clone(l.seconds)
	l.mu.Unlock()
	for k, s := range seconds {
		l.end(k, s)
	}
}
