package feed

import (
	"sync"
	"time"
)

// Failure is the reason why a consumer group could not go on, as this process has
// seen it since it made the feed. It is not in the database, which may be what
// fails.
type Failure struct {
	At       time.Time
	Position int64 // of the event that could not be handled; 0: the group could not read
	Times    int   // in a row
	Reason   string
}

// failures are the last ones, by group.
type failures struct {
	mu   sync.Mutex
	last map[string]Failure
}

func (f *failures) note(group string, last Failure) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == nil {
		f.last = map[string]Failure{}
	}
	f.last[group] = last
}

func (f *failures) of(group string) Failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last[group]
}
