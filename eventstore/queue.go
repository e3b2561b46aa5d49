package eventstore

import (
	"context"
	"runtime"
	"slices"
	"sync"
)

// maxGroup bounds how many appends share a transaction.
const maxGroup = 256

// fruitlessYields is how often the leader of a group lets other goroutines run though no
// append comes of it.
const fruitlessYields = 16

// queue holds the appends that wait to be written. One of their callers leads: it writes,
// as one group, all that wait, and then lets the first that has come meanwhile lead.
type queue struct {
	mu      sync.Mutex
	waiting []*request
	leading bool // a caller leads
	likely  int  // how many appends the next group has if the callers of the last come again
	closed  bool
	groups  sync.WaitGroup // while a caller leads
}

// told is a message to the caller of an append that waits.
type told int

const (
	toLead told = iota + 1
	answered
)

// enqueue writes the request, by itself or as part of a group that another caller
// writes. Until it is part of a group it can be taken back.
func (s *Store) enqueue(ctx context.Context, r *request) ([]Recorded, error) {
	switch {
	case s.write == nil:
		return nil, ErrReadOnly
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	lead, err := s.queue.add(r)
	if err != nil {
		return nil, err
	}
	if !lead {
		select {
		case what := <-r.told:
			lead = what == toLead
		case <-ctx.Done():
			if s.queue.remove(r) {
				return nil, context.Cause(ctx)
			}
			lead = <-r.told == toLead
		}
	}
	if lead {
		s.lead()
	}
	if r.err != nil {
		return nil, r.err
	}
	return r.recorded, r.refusal
}

// lead writes a group.
func (s *Store) lead() {
	group := s.queue.take()
	defer s.queue.pass(group)
	s.appendGroup(group)
}

// add reports whether the caller of the request leads.
func (q *queue) add(r *request) (lead bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false, errStoreClosed
	}
	q.waiting = append(q.waiting, r)
	if q.leading {
		return false, nil
	}
	q.leading = true
	q.groups.Add(1)
	return true, nil
}

// remove takes the request back unless it is part of a group already or is to lead one.
func (q *queue) remove(r *request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := slices.Index(q.waiting, r)
	if at < 0 || len(r.told) > 0 {
		return false
	}
	q.waiting = slices.Delete(q.waiting, at, at+1)
	return true
}

// take returns the group that the caller is to write. The callers of the last one are
// about to append again: without them every second group would be a single append.
func (q *queue) take() []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	for had, fruitless := 0, 0; len(q.waiting) < q.likely && fruitless < fruitlessYields; fruitless++ {
		if len(q.waiting) > had {
			had, fruitless = len(q.waiting), 0
		}
		q.mu.Unlock()
		runtime.Gosched()
		q.mu.Lock()
	}
	group := q.waiting[:min(len(q.waiting), maxGroup)]
	q.waiting = slices.Clone(q.waiting[len(group):])
	return group
}

// pass lets the next caller lead. Those of the group have their answers, unless the
// leader panicked.
func (q *queue) pass(group []*request) {
	for _, r := range group {
		if !r.answered {
			r.answer(errCutOff)
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.likely = min(len(group)+len(q.waiting), maxGroup)
	if len(q.waiting) > 0 {
		q.waiting[0].told <- toLead
		return
	}
	q.leading = false
	q.groups.Done()
}

// close refuses the appends that wait and waits for the group that is being written.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.waiting = slices.DeleteFunc(q.waiting, func(r *request) bool {
		if len(r.told) > 0 { // it is about to lead
			return false
		}
		r.answer(errStoreClosed)
		return true
	})
	q.mu.Unlock()
	q.groups.Wait()
}
