package eventstore

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"
)

type txKey struct{}

// Tx is a write transaction of the log. InTx begins and ends one for a function;
// a consumer group, whose transaction spans many handlers, calls Begin.
type Tx struct {
	*sql.Tx
	store    *Store
	conn     *sql.Conn
	appended atomic.Bool // the readers of the log are woken when it ends
	released sync.Once
	turn     func()   // ends its turn at the log's lock; nil: it has none
	inTx     bool     // InTx ends it
	after    []func() // see AfterCommit
}

// Release returns the connection to the pool and wakes the readers of the log if
// events were appended. The transaction must have been committed or rolled back.
func (t *Tx) Release() {
	t.released.Do(func() {
		_ = t.conn.Close()
		if t.turn != nil {
			t.turn()
		}
		if t.appended.Load() {
			t.store.commits.Fire()
		}
	})
}

// Context returns ctx with the transaction in it. Reads and appends that are given
// the context belong to the transaction.
func (t *Tx) Context(ctx context.Context) context.Context {
	return context.WithValue(ctx, txKey{}, t)
}

// txOf returns the write transaction that ctx carries; nil if it carries none.
func txOf(ctx context.Context) *Tx {
	tx, _ := ctx.Value(txKey{}).(*Tx)
	return tx
}

// TxFrom returns the write transaction that ctx carries.
func TxFrom(ctx context.Context) (*sql.Tx, bool) {
	if tx, ok := ctx.Value(txKey{}).(*Tx); ok {
		return tx.Tx, true
	}
	return nil, false
}

// DialectFrom returns the dialect of the write transaction that ctx carries; empty if
// it carries none of ours.
func DialectFrom(ctx context.Context) Dialect {
	if tx, ok := ctx.Value(txKey{}).(*Tx); ok {
		return tx.store.dialect
	}
	return ""
}

// InTx runs fn in a write transaction, the one in ctx if there is one. On
// SQLite it holds the only writer: fn must pass its own ctx to everything that
// writes, or it waits for itself.
//
// A failed commit is not "not committed": the error then is unknown fate, and
// only reading tells.
func (s *Store) InTx(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	if tx, ok := TxFrom(ctx); ok {
		return fn(ctx, tx)
	}
	tx, err := s.Begin(ctx)
	if err != nil {
		return err
	}
	tx.inTx = true
	defer tx.Release()
	defer func() { _ = tx.Rollback() }() // fn may panic
	if err := fn(tx.Context(ctx), tx.Tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return &commitError{err}
	}
	for _, do := range tx.after {
		do()
	}
	return nil
}

// AfterCommit calls do once the transaction of InTx that ctx carries is
// committed, and never if it is rolled back or its fate is unknown. Without such
// a transaction it calls do at once.
func AfterCommit(ctx context.Context, do func()) {
	if tx, ok := ctx.Value(txKey{}).(*Tx); ok && tx.inTx {
		tx.after = append(tx.after, do)
		return
	}
	do()
}

// Begin waits for a connection as long as ctx allows. The end of ctx does not end
// the transaction: cutting a commit short would leave its fate unknown. The caller
// commits it or rolls it back and then calls Release.
func (s *Store) Begin(ctx context.Context) (*Tx, error) {
	if s.write == nil {
		return nil, ErrReadOnly
	}
	if s.file != nil {
		if err := s.file.same(); err != nil {
			return nil, err
		}
	}
	if s.dialect == SQLite {
		s.written.prepare(ctx, s.write)
	}
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return nil, Unavailable(ctx, "begin", err)
	}
	tx, err := conn.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		_ = conn.Close()
		return nil, Unavailable(ctx, "begin", err)
	}
	return &Tx{Tx: tx, store: s, conn: conn}, nil
}

// commitError: whether the transaction took effect is unknown.
type commitError struct{ err error }

func (e *commitError) Error() string {
	return fmt.Sprintf("commit, whose fate is unknown: %v%s", e.err, advice(e.err))
}

func (e *commitError) Unwrap() []error { return []error{ErrUnavailable, e.err} }

// From returns the transaction of ctx, or else the read pool.
func (s *Store) From(ctx context.Context) Querier {
	tx, in := TxFrom(ctx)
	switch {
	case s.dialect == Postgres && in:
		return tx
	case s.dialect == Postgres:
		return s.read
	case in:
		return preparing{tx, &s.written, tx}
	}
	s.looked.prepare(ctx, s.read)
	return preparing{s.read, &s.looked, nil}
}
