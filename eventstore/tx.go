package eventstore

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"

	wsql "github.com/ThreeDotsLabs/watermill-sql/v3/pkg/sql"
)

type txKey struct{}

// transaction is a write transaction as it travels in a context.
type transaction struct {
	*sql.Tx
	dialect   Dialect
	conn      *sql.Conn
	appended  atomic.Bool // so that whoever ends it wakes the readers of the log
	released  sync.Once
	turn      func()    // ends the turn that it has at the log's lock; nil: it has none
	feeds     bool      // it is a consumer group's
	after     []func()  // see AfterCommit
	unwritten Unwritten // see Keep; nil: nothing
}

// release gives the connection back. The transaction must have ended.
func (t *transaction) release() {
	t.released.Do(func() {
		_ = t.conn.Close()
		if t.turn != nil {
			t.turn()
		}
	})
}

func withTx(ctx context.Context, tx *transaction) context.Context {
	return context.WithValue(ctx, txKey{}, tx)
}

// TxFrom is the write transaction that ctx carries: of InTx, or of the message
// that is being handled.
func TxFrom(ctx context.Context) (*sql.Tx, bool) {
	if tx, ok := ctx.Value(txKey{}).(*transaction); ok {
		return tx.Tx, true
	}
	return wsql.TxFromContext(ctx)
}

// DialectFrom is the dialect of the write transaction that ctx carries; empty if
// it carries none of ours.
func DialectFrom(ctx context.Context) Dialect {
	if tx, ok := ctx.Value(txKey{}).(*transaction); ok {
		return tx.dialect
	}
	return ""
}

// InTx runs fn in a write transaction, the one in ctx if there is one. On
// SQLite it holds the only writer: whatever fn calls must be given the ctx that
// fn is given, or it waits for itself.
//
// A failed commit is not "not committed": the error then is unknown fate, and
// only reading tells.
func (s *Store) InTx(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	if tx, ok := TxFrom(ctx); ok {
		return fn(ctx, tx)
	}
	tx, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer tx.release()
	defer func() { _ = tx.Rollback() }() // fn may panic
	if err := fn(withTx(ctx, tx), tx.Tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return &commitError{err}
	}
	if tx.appended.Load() {
		s.commits.fire()
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
	if tx, ok := ctx.Value(txKey{}).(*transaction); ok && !tx.feeds {
		tx.after = append(tx.after, do)
		return
	}
	do()
}

// begin waits for a connection as long as ctx allows. The transaction itself is
// not ended by ctx: cutting a commit short would leave its fate unknown.
func (s *Store) begin(ctx context.Context) (*transaction, error) {
	if s.write == nil {
		return nil, errReadOnly
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
		return nil, unavailable(ctx, "begin", err)
	}
	tx, err := conn.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		_ = conn.Close()
		return nil, unavailable(ctx, "begin", err)
	}
	return &transaction{Tx: tx, dialect: s.dialect, conn: conn}, nil
}

// commitError: whether the transaction took effect is unknown.
type commitError struct{ err error }

func (e *commitError) Error() string {
	return fmt.Sprintf("commit, whose fate is unknown: %v%s", e.err, advice(e.err))
}

func (e *commitError) Unwrap() []error { return []error{ErrUnavailable, e.err} }

// querier is what *sql.DB and *sql.Tx have in common.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// from is where ctx reads: its own transaction, or the read pool.
func (s *Store) from(ctx context.Context) querier {
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
