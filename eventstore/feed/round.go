package feed

import (
	"context"
	"fmt"
	"slices"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// readTimeout bounds a query that is made between two rounds.
const readTimeout = 5 * time.Second

// round is the next batch of a consumer group, which is read first, and the
// transaction in which it is handled. It is dropped when the transaction has ended.
type round struct {
	after     int64   // the offset that the batch follows
	events    []Event // those that are handed out, in one message
	count     int     // how many were read, with those that are not
	last      Event   // of all that were read
	due       bool    // there is a reason to move the offset past them
	tx        *eventstore.Tx
	acked     int64     // position to which the commit moves the offset; 0: none
	unwritten Unwritten // see Keep; nil: none
}

// read reads the batch of a round, outside of every transaction, from where it ended the
// last time to the first event that the group is handed, and what was read with it.
func (s *subscription) read(r *round) error {
	ctx, cancel := context.WithTimeout(s.stopping, readTimeout)
	defer cancel()
	limit := s.cfg.Batch
	if s.standing.failure.rounds > 0 { // each alone
		limit = 1
	}
	for !r.due {
		events, err := s.events(ctx, max(r.after, r.last.Position), limit-r.count)
		if len(events) == 0 || err != nil {
			return err
		}
		s.add(r, events)
		r.due = r.due || len(r.events) > 0 || r.count >= limit
	}
	return nil
}

// add adds events to the batch. One that cannot be decoded comes alone.
func (s *subscription) add(r *round, events []Event) {
	for _, e := range events {
		handled := s.handles(e)
		undecoded := handled && e.err != nil
		if undecoded && r.count > 0 {
			r.due = true
			return
		}
		r.count, r.last = r.count+1, e
		if handled {
			r.events = append(r.events, e)
		}
		if undecoded {
			return
		}
	}
}

// events returns events of the topic: the log, or one of its streams.
func (s *subscription) events(ctx context.Context, after int64, limit int) ([]Event, error) {
	if s.topic == eventstore.Topic {
		return s.feed.next(ctx, after, limit)
	}
	return s.feed.decode(ctx, eventstore.Query{After: after, Stream: s.topic, Limit: limit})
}

func (s *subscription) handles(e Event) bool {
	return len(s.cfg.Types) == 0 || slices.Contains(s.cfg.Types, domain.Current(e.Type))
}

// begin begins the transaction of a round. On SQLite the ack releases a savepoint.
func (s *subscription) begin(r *round) (err error) {
	if r.tx, err = s.feed.Begin(s.stopping); err != nil {
		return err
	}
	if s.feed.Dialect() != eventstore.SQLite {
		return nil
	}
	if _, err := r.tx.ExecContext(context.Background(), `SAVEPOINT feed`); err != nil {
		r.rollBack()
		return eventstore.Unavailable(s.stopping, "begin", err)
	}
	return nil
}

func (r *round) rollBack() {
	_ = r.tx.Rollback()
	r.tx.Release()
}

type roundKey struct{}

// context returns ctx with the round and its transaction.
func (r *round) context(ctx context.Context) context.Context {
	return context.WithValue(r.tx.Context(ctx), roundKey{}, r)
}

// Unwritten is what the handler of a group keeps in memory until the end of a
// batch instead of writing it event by event.
type Unwritten interface {
	// Flush writes it in the transaction of the batch.
	Flush(ctx context.Context) error
}

// Keep returns what the handler has kept of the events before this one in the same
// batch; keep makes it for the first of them. The feed flushes it before it commits
// the transaction, and drops it if it rolls the transaction back: the events are then
// handed out again. ok is false if ctx is not the context of a message: no Flush
// would follow.
func Keep[U Unwritten](ctx context.Context, keep func() U) (kept U, ok bool) {
	r, ok := ctx.Value(roundKey{}).(*round)
	if !ok {
		return kept, false
	}
	if r.unwritten == nil {
		r.unwritten = keep()
	}
	kept, ok = r.unwritten.(U)
	return kept, ok
}

// flush writes what the handler of the round has kept.
func (r *round) flush(timeout time.Duration) (err error) {
	if r.unwritten == nil {
		return nil
	}
	defer func() {
		if p := recover(); p != nil { // the router recovers handlers only
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	ctx, cancel := context.WithTimeout(r.tx.Context(context.Background()), timeout)
	defer cancel()
	return r.unwritten.Flush(ctx)
}
