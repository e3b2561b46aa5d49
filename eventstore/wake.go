package eventstore

import "sync"

// Signal tells any number of waiters that something has happened. It is sticky:
// a waiter that was busy finds the token when it comes back. Fire never blocks.
type Signal struct {
	mu      sync.Mutex
	waiters map[chan struct{}]struct{}
}

// Subscribe returns the channel of a new waiter and the function that ends it.
func (s *Signal) Subscribe() (ch <-chan struct{}, stop func()) {
	waiter := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiters == nil {
		s.waiters = map[chan struct{}]struct{}{}
	}
	s.waiters[waiter] = struct{}{}
	return waiter, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.waiters, waiter)
	}
}

// Fire gives every waiter that has none a token.
func (s *Signal) Fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ch := range s.waiters {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// Wake yields at least one token after every commit of events: on SQLite of this
// process, on PostgreSQL of any process. A token may be spurious, and one may stand
// for many commits. Call stop when done.
func (s *Store) Wake() (ch <-chan struct{}, stop func()) {
	s.startListening()
	return s.commits.Subscribe()
}
