package feed

import (
	"context"
	"sync"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Event is an event as the feed has read it. The groups of a process share it: a
// handler must not change what it refers to.
type Event struct {
	eventstore.Recorded
	Decoded domain.Event // nil: this program does not know the type
	err     error        // why it could not be decoded
}

const (
	recentEvents = 2048     // that are kept in memory
	recentSize   = 16 << 10 // of an event: one that is larger is read by each group
	readLimit    = 500      // events that are read at once
	readSize     = 4 << 20  // bytes that are read at once
)

// recent keeps the last events of the log that the groups of a process have read, so
// that each is read and decoded once for all of them. An event is decoded from its row,
// as a rebuild does, and never taken from the append.
type recent struct {
	reading chan struct{} // full while a group reads the log

	mu     sync.Mutex
	events [recentEvents]Event // that of a position is at its remainder
}

func newRecent() *recent { return &recent{reading: make(chan struct{}, 1)} }

// next returns events of the log after a position, at most limit. None: the log ends
// there.
func (s *Feed) next(ctx context.Context, after int64, limit int) ([]Event, error) {
	if found := s.recent.after(after, limit); len(found) > 0 {
		return found, nil
	}
	select {
	case s.recent.reading <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-s.recent.reading }()
	if found := s.recent.after(after, limit); len(found) > 0 { // another group has read meanwhile
		return found, nil
	}
	events, err := s.decode(ctx, eventstore.Query{After: after, Limit: max(limit, readLimit), Bytes: readSize})
	s.recent.keep(events)
	return events[:min(len(events), limit)], err
}

// After returns events of the log after a position, which the groups of the process
// share. None: the log ends there. The error is that of the first event if it cannot be
// decoded.
func (s *Feed) After(ctx context.Context, position int64) ([]Event, error) {
	events, err := s.next(ctx, position, readLimit)
	for i, e := range events {
		if e.err == nil {
			continue
		}
		if i == 0 {
			return nil, e.err
		}
		return events[:i], nil
	}
	return events, err
}

// decode reads events of the log.
func (s *Feed) decode(ctx context.Context, q eventstore.Query) ([]Event, error) {
	records, err := s.Read(ctx, q)
	if err != nil {
		return nil, err
	}
	events := make([]Event, len(records))
	for i, r := range records {
		events[i].Recorded = r
		events[i].Decoded, events[i].err = r.Event()
	}
	return events, nil
}

func (r *recent) after(position int64, limit int) (found []Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range limit {
		position++
		e := r.events[position%recentEvents]
		if e.Position != position {
			break
		}
		found = append(found, e)
	}
	return found
}

// keep replaces older events only: a group that is far behind must not push out what
// the others are about to read.
func (r *recent) keep(events []Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range events {
		if place := &r.events[e.Position%recentEvents]; place.Position <= e.Position && e.Size() <= recentSize {
			*place = e
		}
	}
}

// forget is for a log that has other events than those that were read.
func (r *recent) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.events[:])
}
