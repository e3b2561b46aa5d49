package feed

import (
	"context"
	"fmt"

	"scrapelog/eventstore"
)

// Unwritten is what the handler of a group keeps in memory instead of writing it
// message by message.
type Unwritten interface {
	// Flush writes it in the transaction that its messages share.
	Flush(ctx context.Context) error
}

// Keep returns what the handler has kept of the messages before this one in the
// same transaction; keep makes it for the first of them. The feed has it flushed
// before that transaction is committed, and forgets it if the transaction is
// rolled back: the messages then come again. ok is false where ctx is not a
// message's: nobody would call Flush.
func Keep[U Unwritten](ctx context.Context, keep func() U) (kept U, ok bool) {
	tx, ok := ctx.Value(txKey{}).(*transaction)
	if !ok {
		return kept, false
	}
	if tx.unwritten == nil {
		tx.unwritten = keep()
	}
	kept, ok = tx.unwritten.(U)
	return kept, ok
}

type txKey struct{}

// transaction is a transaction of the feed.
type transaction struct {
	*eventstore.Tx
	unwritten Unwritten // see Keep; nil: nothing
}

// flush writes what the handlers of the transaction have kept.
func (s *subscription) flush(tx *transaction) (err error) {
	if tx.unwritten == nil {
		return nil
	}
	defer func() {
		if r := recover(); r != nil { // the router's recovery is around handlers alone
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	ctx, cancel := context.WithTimeout(tx.Context(context.Background()), s.cfg.HandlerTimeout)
	defer cancel()
	return tx.unwritten.Flush(ctx)
}
