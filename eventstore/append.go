package eventstore

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// Append is a request to write events: all of them or none.
type Append struct {
	Stream   string
	Expected int64         // the stream's version; 0: it must not exist
	Guard    *domain.Guard // nil: not checked; else the scraper's guard row must equal it
	Events   []NewEvent    // all of this stream
}

// Append writes the events at the end of their stream and of the log and moves
// the guard rows of their scrapers. It joins the transaction in ctx if there is
// one, which then holds the log's lock until it ends: append last. ErrConflict
// leaves such a transaction usable.
//
// Appends that come together share a transaction; a refusal fails only its own
// caller. Once begun, an append is not cut short by ctx. When a commit's answer
// is lost it is tried again with the same ids, which tells what became of it.
func (s *Store) Append(ctx context.Context, a Append) ([]Recorded, error) {
	if len(a.Events) == 0 {
		return nil, nil
	}
	r, err := newRequest(a, s.now())
	if err != nil {
		return nil, err
	}
	if _, joined := TxFrom(ctx); joined {
		defer s.joined.Store(true)
		if _, err := s.record(ctx, []*request{r}); err != nil {
			return nil, err
		}
		return r.recorded, r.refusal
	}
	return s.enqueue(ctx, r)
}

// request is an append on its way.
type request struct {
	Append
	records []Recorded // the rows, without what is assigned under the lock
	settle  bool       // an id may be in the log already

	taken    atomic.Bool // by the appender, or back by the caller
	done     chan struct{}
	recorded []Recorded
	refusal  error // of this append; the transaction goes on
	err      error // of the database
}

func newRequest(a Append, now time.Time) (*request, error) {
	r := &request{Append: a, records: make([]Recorded, len(a.Events)), done: make(chan struct{})}
	now = now.UTC().Truncate(time.Microsecond)
	for i, e := range a.Events {
		if e.Event.Stream() != a.Stream {
			return nil, fmt.Errorf("%w: %s belongs to stream %q, not %q", domain.ErrInvalid, e.Event.EventType(), e.Event.Stream(), a.Stream)
		}
		data, err := domain.Encode(e.Event)
		if err != nil {
			return nil, err
		}
		if e.ID == uuid.Nil {
			e.ID = uuid.Must(uuid.NewV7())
		} else {
			r.settle = true
		}
		if e.Metadata == nil {
			e.Metadata = Metadata{}
		}
		r.records[i] = Recorded{Stream: a.Stream, ID: e.ID, Type: e.Event.EventType(), RecordedAt: now, Data: data, Metadata: e.Metadata}
	}
	return r, nil
}
