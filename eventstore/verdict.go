package eventstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// verdict carries the reason of a nack, for which watermill has no place.
type verdict struct {
	mu  sync.Mutex
	err error
}

type verdictKey struct{}

func (v *verdict) reason() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.err == nil {
		return errors.New("handler refused the message and gave no reason")
	}
	return v.err
}

// Reasons is the router middleware that tells the subscriber why a handler
// failed. Without it every failure counts as one of our own code.
func Reasons(next message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) (produced []*message.Message, err error) {
		defer func() {
			if r := recover(); r != nil {
				report(msg.Context(), fmt.Errorf("panic: %v", r))
				panic(r)
			}
			report(msg.Context(), err)
		}()
		return next(msg)
	}
}

func report(ctx context.Context, err error) {
	if v, ok := ctx.Value(verdictKey{}).(*verdict); ok {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.err = err
	}
}

// errNotTaken is no fault of the message or of its handler.
var errNotTaken = errors.New("nobody has taken the event")

// ownFault tells a handler that is wrong from a database that is not well. Only
// the first can make a message a dead letter.
func ownFault(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code[:2] {
		case "08", "40", "53", "55", "57", "58", "XX": // connection, serialisation, resources, locks, operator, system, internal
			return false
		}
		return pg.Code != "25P03" // idle_in_transaction_session_timeout
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		switch lite.Code() & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY,
			sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL,
			sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOTADB:
			return false
		}
		return true
	}
	for _, others := range []error{ErrUnavailable, driver.ErrBadConn, sql.ErrConnDone, sql.ErrTxDone, errNotTaken} {
		if errors.Is(err, others) {
			return false
		}
	}
	var connect *pgconn.ConnectError
	return !errors.As(err, &connect)
}
