package eventstore

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// maxGroup bounds how many appends share a transaction.
const maxGroup = 256

// enqueue hands the request to the appender. It can be taken back until the
// appender has taken it.
func (s *Store) enqueue(ctx context.Context, r *request) ([]Recorded, error) {
	if s.write == nil {
		return nil, errReadOnly
	}
	s.appending.Do(func() { s.tasks.Go(s.runAppender) })
	select {
	case s.queue <- r:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-s.life.Done():
		return nil, errStoreClosed
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if r.taken.CompareAndSwap(false, true) {
			return nil, context.Cause(ctx)
		}
		<-r.done
	}
	if r.err != nil {
		return nil, r.err
	}
	return r.recorded, r.refusal
}

// runAppender writes what has queued while the last group was written. What is
// queued when the store is closed is refused.
func (s *Store) runAppender() {
	for {
		select {
		case r := <-s.queue:
			s.appendGroup(s.gather(r))
		case <-s.life.Done():
			for _, r := range s.gather(nil) {
				r.err = errStoreClosed
				close(r.done)
			}
			return
		}
	}
}

// gather takes what is queued now, after first.
func (s *Store) gather(first *request) (group []*request) {
	for r := first; ; {
		if r != nil && r.taken.CompareAndSwap(false, true) {
			group = append(group, r)
		}
		if len(group) == maxGroup {
			return group
		}
		select {
		case r = <-s.queue:
		default:
			return group
		}
	}
}

// appendGroup writes the group in one transaction. If the database refuses it,
// each is tried alone, so that what is wrong with one does not fail the others.
func (s *Store) appendGroup(group []*request) {
	if len(group) == 0 {
		return
	}
	err := s.commitGroup(group)
	if err != nil && len(group) > 1 && ownFault(err) {
		for _, r := range group {
			s.appendGroup([]*request{r})
		}
		return
	}
	for _, r := range group {
		r.err = err
		close(r.done)
	}
}

// commitGroup tries again while the fate of the commit is unknown: the ids tell.
func (s *Store) commitGroup(group []*request) error {
	for attempt := 0; ; attempt++ {
		err := s.InTx(context.Background(), func(ctx context.Context, _ *sql.Tx) error { return s.record(ctx, group) })
		var lost *commitError
		if !errors.As(err, &lost) || attempt == 3 || !pause(s.life, 50*time.Millisecond<<attempt) {
			return err
		}
		for _, r := range group {
			r.settle = true
		}
	}
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
