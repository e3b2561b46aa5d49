package instances

import (
	"sync"
	"time"
)

// beats is when an instance last said that it lives, by the clock of the process.
type beats struct {
	mu   sync.Mutex
	last time.Time
	err  error // of the tries since
}

func (b *beats) note(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err = err; err == nil {
		b.last = time.Now()
	}
}

// LastBeat says how long ago this instance last said that it lives, and why it
// could not since; nil if no try has failed.
func (i *Instance) LastBeat() (ago time.Duration, err error) {
	i.beats.mu.Lock()
	defer i.beats.mu.Unlock()
	return time.Since(i.beats.last), i.beats.err
}
