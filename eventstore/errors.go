package eventstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"scrapelog/domain"
)

var (
	// ErrConflict: the stream or the guard is not what the append expected, or
	// an event id is taken. Load, decide and append again.
	ErrConflict = fmt.Errorf("the log has moved on: %w", domain.ErrConflict)
	// ErrForeign: the database belongs to another program, or to a newer
	// version of this one. Nothing in it was touched.
	ErrForeign = errors.New("not a database of this program")
	// ErrUnavailable: the database cannot be reached, opened or written.
	ErrUnavailable = errors.New("database unavailable")
	// ErrIndirect: what answers is a connection pooler, which keeps locks, LISTEN
	// and settings from staying with their session.
	ErrIndirect = errors.New("needs a direct connection to PostgreSQL")
	// ErrHeld: another process serves this database.
	ErrHeld = errors.New("database is held by another process")
)

// ErrReadOnly: the store was opened read-only.
var ErrReadOnly = fmt.Errorf("%w: opened read-only", ErrUnavailable)

var errStoreClosed = fmt.Errorf("%w: the store was closed", ErrUnavailable)

// errCutOff: a caller that wrote for others panicked.
var errCutOff = fmt.Errorf("%w: an append was cut off, whose fate is unknown", ErrUnavailable)

// Transient reports whether err passes by itself: no connection is free, the server
// starts or stops, a connection has ended.
func Transient(err error) bool {
	if errors.Is(err, domain.ErrInvalid) { // a body that was cut, say
		return false
	}
	if said, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch said.Code[:2] {
		case "40", "57": // serialisation, the operator
			return true
		case "08":
			return said.Code != "08P01" // a protocol that is not understood
		}
		return said.Code == "53300" || said.Code == "25P03" // too many connections; a transaction was idle for too long
	}
	for _, ended := range []error{io.ErrUnexpectedEOF, pgconn.ErrConnClosed, driver.ErrBadConn, sql.ErrConnDone, sql.ErrTxDone} {
		if errors.Is(err, ended) {
			return true
		}
	}
	_, network := errors.AsType[net.Error](err)
	return network
}

// Shortage reports whether the server had no free connection for this process.
func Shortage(err error) bool {
	said, ok := errors.AsType[*pgconn.PgError](err)
	return ok && said.Code == "53300"
}

// NotYet reports whether a server answered that it does not serve now: it starts or
// stops, or has no connection free.
func NotYet(err error) bool {
	_, answered := errors.AsType[*pgconn.PgError](err)
	return answered && Transient(err)
}

// pooled reports whether the server complains of prepared statements, which a pooler
// mixes up.
func pooled(err error) bool {
	said, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (said.Code == "26000" || said.Code == "42P05")
}

// Unreachable reports whether the database could not be reached, read or written,
// whichever query or pool the error comes from.
func Unreachable(err error) bool {
	_, lite := errors.AsType[*sqlite.Error](err)
	return errors.Is(err, ErrUnavailable) || Transient(err) || lite && !OwnFault(err)
}

// indirect returns the error text for a connection pooler.
func indirect(place, why string) string {
	return ErrIndirect.Error() + ": " + place + " is answered by a connection pooler (" + why + "); connect to the server itself, without pgbouncer or another pooler between"
}

// Unavailable wraps an error of the database as ErrUnavailable, with advice; nil stays
// nil. If ctx has ended, it returns the cause of that instead.
func Unavailable(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	}
	if errors.Is(err, ErrIndirect) {
		return err
	}
	if pooled(err) {
		return fmt.Errorf("%w: %s: %w; connect to the server itself, without pgbouncer or another pooler between", ErrIndirect, doing, err)
	}
	return fmt.Errorf("%w: %s: %w%s", ErrUnavailable, doing, err, advice(err))
}

// advice returns what an operator can do about an error of the database. Writers
// retry by themselves: nothing needs a restart afterwards.
func advice(err error) string {
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		return sqliteAdvice[lite.Code()&0xff]
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return postgresAdvice[pg.Code]
	}
	return ""
}

var sqliteAdvice = map[int]string{
	sqlite3.SQLITE_FULL:     "; make room on its disk",
	sqlite3.SQLITE_IOERR:    "; its disk fails or a limit is reached: the system's log says more",
	sqlite3.SQLITE_READONLY: "; make the file, its folder and its file system writable",
	sqlite3.SQLITE_CANTOPEN: "; make the file, its folder and its file system writable",
	sqlite3.SQLITE_BUSY:     "; another program has it locked: end that one",
}

var postgresAdvice = map[string]string{
	"53100": "; make room on the server's disk",
	"25006": "; the server takes no writes: is it a standby?",
	"53300": "; raise max_connections or end other clients",
	"55P03": "; another session has it locked: end that one",
}

// OwnFault reports whether an error is one of the statement or of the code that
// made it, and not of the database.
func OwnFault(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code[:2] {
		case "08", "40", "53", "55", "57", "58", "XX": // connection, serialisation, resources, locks, operator, system, internal
			return false
		}
		return pg.Code != "25P03" // idle_in_transaction_session_timeout
	}
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		switch lite.Code() & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY,
			sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL,
			sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOTADB:
			return false
		}
		return true
	}
	for _, others := range []error{ErrUnavailable, driver.ErrBadConn, sql.ErrConnDone, sql.ErrTxDone} {
		if errors.Is(err, others) {
			return false
		}
	}
	var connect *pgconn.ConnectError
	return !errors.As(err, &connect)
}
