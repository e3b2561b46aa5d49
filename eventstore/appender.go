package eventstore

import (
	"context"
	"database/sql"
	"errors"
	"runtime"
	"time"
)

// maxGroup bounds how many appends share a transaction.
const maxGroup = 256

// enqueue hands the request to the appender. It can be taken back until the
// appender has taken it.
func (s *Store) enqueue(ctx context.Context, r *request) ([]Recorded, error) {
	if s.write == nil {
		return nil, ErrReadOnly
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

// runAppender writes, as one group, the appends that queued while the last group was
// written. It refuses those that are queued when the store is closed.
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

// gather returns first and the appends that are queued now. If it finds none it lets
// other goroutines run once: the callers of the last group are about to append
// again, and without them every second group would be a single append.
func (s *Store) gather(first *request) (group []*request) {
	yielded := false
	for r := first; ; {
		if r != nil && r.taken.CompareAndSwap(false, true) {
			group = append(group, r)
		}
		if len(group) == maxGroup { // before another is taken out of the queue and lost
			break
		}
		select {
		case r = <-s.queue:
			yielded = false
			continue
		default:
		}
		if yielded {
			break
		}
		r, yielded = nil, true
		runtime.Gosched()
	}
	return group
}

// appendGroup writes the group in one transaction. If the database refuses it, each
// append is tried in its own transaction, so that one does not fail the others.
func (s *Store) appendGroup(group []*request) {
	if len(group) == 0 {
		return
	}
	s.appends.begin()
	err := s.commitGroup(group)
	s.appends.end(databaseFault(err))
	if err != nil && len(group) > 1 && OwnFault(err) {
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

// databaseFault returns err if the database is at fault, and nil otherwise.
func databaseFault(err error) error {
	if err == nil || OwnFault(err) {
		return nil
	}
	return err
}

// commitGroup retries while the fate of a commit is unknown; the event ids tell
// whether it took effect.
func (s *Store) commitGroup(group []*request) error {
	if s.joined.Swap(false) {
		s.remember(nil)
	}
	err := s.commitKnown(group)
	for attempt := 0; ; attempt++ {
		if errors.Is(err, errMoved) {
			err = s.commitRead(group)
		}
		if !interrupted(err) || attempt == 6 || !pause(s.life, min(50*time.Millisecond<<attempt, 400*time.Millisecond)) {
			return err
		}
		for _, r := range group {
			r.settle = true
		}
		err = errMoved
	}
}

// interrupted reports whether a transaction may have been cut off: the answer to its
// commit was lost, or the server ended its session.
func interrupted(err error) bool {
	if _, lost := errors.AsType[*commitError](err); lost {
		return true
	}
	_, unconnected := errors.AsType[*connectError](err)
	return Transient(err) && !unconnected
}

// commitRead reads the end of the log under the lock and writes a group after it.
func (s *Store) commitRead(group []*request) error {
	s.remember(nil)
	var end *end
	err := s.InTx(context.Background(), func(ctx context.Context, _ *sql.Tx) (err error) {
		end, err = s.record(ctx, group)
		return err
	})
	if err == nil {
		s.remember(end)
	}
	return err
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
