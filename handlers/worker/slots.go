package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Why a scrape is stopped, other than that its client has left.
var (
	errTakenOver = errors.New("the run that recovers this one has started")
	errStopping  = errors.New("the worker is stopping")
)

// slots lets at most one scrape of each name run.
type slots struct {
	mu   sync.Mutex
	held map[string]*slot
}

// slot is one run's hold on a name.
type slot struct {
	ctx    context.Context // ends when the run must
	cancel context.CancelCauseFunc
	run    string
	before *slot         // the slot that had the name before
	done   chan struct{} // closed when nothing of the run is left

	released sync.Once
}

// take gives name to the run, or returns an error with the run that holds it. A run that is being
// ended, because its client has left or because this order recovers it, hands
// the name over; the new run must then wait for ready.
func (s *slots) take(ctx context.Context, name string, order Order) (*slot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.held[name]
	if before != nil && before.ctx.Err() == nil {
		if order.Recovers != before.run {
			return nil, fmt.Errorf("run %s is still scraping %s", before.run, name)
		}
		before.cancel(errTakenOver)
	}
	taken := &slot{run: order.RunID, before: before, done: make(chan struct{})}
	taken.ctx, taken.cancel = context.WithCancelCause(ctx)
	if s.held == nil {
		s.held = map[string]*slot{}
	}
	s.held[name] = taken
	return taken, nil
}

// ready is closed when no other run holds the name.
func (s *slot) ready() <-chan struct{} {
	if s.before == nil {
		free := make(chan struct{})
		close(free)
		return free
	}
	return s.before.done
}

// release gives the name back, once. It waits for the slot that held it before, so
// that a chain of take-overs ends in the order in which it began.
func (s *slots) release(name string, held *slot) {
	held.released.Do(func() { s.free(name, held) })
}

func (s *slots) free(name string, held *slot) {
	<-held.ready()
	held.cancel(nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[name] == held {
		delete(s.held, name)
	}
	held.before = nil
	close(held.done)
}
