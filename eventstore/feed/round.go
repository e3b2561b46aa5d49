package feed

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"scrapelog/eventstore"
)

// round is one transaction of a consumer group and the batch that is read in it.
// It is made when the transaction begins and dropped when the transaction has
// ended.
type round struct {
	tx        *eventstore.Tx
	limit     int                                      // most messages of the batch; 1 while a message fails
	batch     map[*message.Message]eventstore.Recorded // by watermill-sql's messages
	last      int64                                    // position of the last message of the batch
	acked     int64                                    // position to which the commit moves the offset; 0: none
	unwritten Unwritten                                // see Keep; nil: none
}

// begin starts a round. On SQLite the ack releases a savepoint. A projection on
// PostgreSQL does not wait for the disk: after a crash of the server its rows and
// its offset go back together.
func (s *subscription) begin() (*round, error) {
	tx, err := s.feed.Begin(s.stopping)
	if err != nil {
		return nil, err
	}
	prepare := ""
	switch {
	case s.feed.Dialect() == eventstore.SQLite:
		prepare = `SAVEPOINT feed`
	case s.cfg.Blocks:
		prepare = `SET LOCAL synchronous_commit = off`
	}
	r := &round{tx: tx, limit: s.cfg.Batch, batch: map[*message.Message]eventstore.Recorded{}}
	if s.standing.failure.rounds > 0 {
		r.limit = 1
	}
	if prepare == "" {
		return r, nil
	}
	if _, err := tx.ExecContext(context.Background(), prepare); err != nil {
		r.rollBack()
		return nil, eventstore.Unavailable(s.stopping, "begin", err)
	}
	return r, nil
}

// read adds a message to the batch.
func (r *round) read(msg *message.Message, e eventstore.Recorded) {
	r.batch[msg], r.last = e, e.Position
}

// of reports whether tx is the transaction of the round.
func (r *round) of(tx *sql.Tx) bool { return r != nil && r.tx.Tx == tx }

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
// batch instead of writing it message by message.
type Unwritten interface {
	// Flush writes it in the transaction that its messages share.
	Flush(ctx context.Context) error
}

// Keep returns what the handler has kept of the messages before this one in the
// same transaction; keep makes it for the first of them. The feed flushes it
// before it commits the transaction, and drops it if it rolls the transaction
// back: the messages are then handed out again. ok is false if ctx is not the
// context of a message: no Flush would follow.
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

// flush writes what the handlers of the round have kept.
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
