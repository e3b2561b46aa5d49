package instances

import (
	"sync"
	"time"
)

// beats records the last successful beat, by the clock of the process.
type beats struct {
	mu   sync.Mutex
	last time.Time
	err  error // of the last attempt; nil: it succeeded
}

func (b *beats) note(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err = err; err == nil {
		b.last = time.Now()
	}
}

// LastBeat returns the time since the last successful beat, and the error of the
// latest attempt; nil if it succeeded.
func (i *Instance) LastBeat() (ago time.Duration, err error) {
	i.beats.mu.Lock()
	defer i.beats.mu.Unlock()
	return time.Since(i.beats.last), i.beats.err
}
