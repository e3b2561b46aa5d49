package instance

import (
	"sync"
	"time"
)

// setting is when the clock was last seen to have been set.
type setting struct {
	mu   sync.Mutex
	seen time.Time
	by   time.Duration
}

func (s *setting) note(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.by = time.Now(), by
}

// ClockSet returns by how much the clock that decides about dead instances was last set,
// and how long ago that was noticed; by is 0 if it never was.
func (k *Keeper) ClockSet() (by, ago time.Duration) {
	k.setting.mu.Lock()
	defer k.setting.mu.Unlock()
	return k.setting.by, time.Since(k.setting.seen)
}
