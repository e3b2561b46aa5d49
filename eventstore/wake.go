package eventstore

import "sync"

// signal tells any number of waiters that something has happened. It is sticky:
// a waiter that was busy finds the token when it comes back. It never blocks
// the one who fires.
type signal struct {
	mu      sync.Mutex
	waiters map[chan struct{}]struct{}
}

func (s *signal) subscribe() (<-chan struct{}, func()) {
	ch := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiters == nil {
		s.waiters = map[chan struct{}]struct{}{}
	}
	s.waiters[ch] = struct{}{}
	return ch, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.waiters, ch)
	}
}

func (s *signal) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ch := range s.waiters {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// Wake yields at least one token after every commit of events: on SQLite by
// this process, on PostgreSQL by whichever. A token may be spurious, and one
// may stand for many commits. Call stop when done.
func (s *Store) Wake() (ch <-chan struct{}, stop func()) {
	s.startListening()
	return s.commits.subscribe()
}

// WakeProgress yields at least one token after a transaction of a consumer
// group of this process has ended.
func (s *Store) WakeProgress() (ch <-chan struct{}, stop func()) {
	return s.progress.subscribe()
}
