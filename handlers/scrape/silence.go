package scrape

import (
	"sync"
	"time"
)

// grace is what a stream gets when its time of silence is up, to be heard after
// all: when this process was stopped and continued, or starved, the timer and
// the bytes that arrived meanwhile are due at the same instant.
const grace = 250 * time.Millisecond

// silence calls expired when nothing was heard for limit, plus grace. Its time
// runs only while a Read is pending: what we do between two reads is not held
// against the scraper, nor is what has arrived and was not read for want of a
// processor.
//
// One goroutine calls arm, disarm, heard and stop; expired is called at most
// once, from another.
type silence struct {
	limit   time.Duration
	expired func()
	// waiting, if set, says whether something has arrived and nobody has read it:
	// then we are late, however long it takes, and the peer is not silent.
	waiting func() bool

	mu      sync.Mutex
	timer   *time.Timer
	pending bool      // a Read is waiting
	since   time.Time // since when
	left    time.Duration
	inGrace bool
	over    bool
}

func newSilence(limit time.Duration, expired func()) *silence {
	return &silence{limit: limit, expired: expired, left: limit}
}

// arm starts the time: a Read is about to wait.
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

// disarm stops the time and keeps what is left of it.
func (s *silence) disarm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = false
	s.timer.Stop()
	s.left = max(0, s.left-time.Since(s.since))
}

// heard starts the time anew: a sign of life.
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

// fire runs when the timer does. A timer that fired while it was being set anew
// is told by the time that has not passed.
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
