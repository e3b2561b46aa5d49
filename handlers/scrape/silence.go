package scrape

import (
	"sync"
	"time"
)

// grace is added when the time of silence is over. When this process was stopped and
// continued, or got no CPU, the timer and bytes that arrived meanwhile are due at the
// same instant.
const grace = 250 * time.Millisecond

// silence calls expired when nothing was heard for limit plus grace. Its time runs only
// while a Read is pending: the time between two reads does not count as silence, nor
// does the time in which bytes have arrived that this process has not read yet.
//
// One goroutine calls arm, disarm, heard and stop. expired is called at most once, from
// another goroutine.
type silence struct {
	limit   time.Duration
	expired func()
	// waiting, if set, reports whether something has arrived that was not read. Then
	// this process is late, for however long, and the peer is not silent.
	waiting func() bool

	mu      sync.Mutex
	timer   *time.Timer
	pending bool      // a Read is pending
	since   time.Time // since when
	left    time.Duration
	inGrace bool
	over    bool
}

func newSilence(limit time.Duration, expired func()) *silence {
	return &silence{limit: limit, expired: expired, left: limit}
}

// arm starts the time, before a Read.
func (s *silence) arm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending, s.since = true, time.Now()
	if s.timer == nil {
		s.timer = time.AfterFunc(s.left, s.fire)
		return
	}
	s.timer.Reset(s.left)
}

// disarm stops the time, after a Read.
func (s *silence) disarm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = false
	s.timer.Stop()
	s.left = max(0, s.left-time.Since(s.since))
}

// heard resets the time after a sign of life.
func (s *silence) heard() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left, s.inGrace = s.limit, false
}

func (s *silence) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	if s.timer != nil {
		s.timer.Stop()
	}
}

// fire is called by the timer. If the timer fired while it was being reset, the time
// is not over yet and fire does nothing.
func (s *silence) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.over, !s.pending, time.Since(s.since) < s.left:
	case !s.inGrace, s.waiting != nil && s.waiting():
		s.inGrace, s.since, s.left = true, time.Now(), grace
		s.timer.Reset(grace)
	default:
		s.over = true
		s.expired()
	}
}
