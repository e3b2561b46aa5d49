package eventstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// connector opens the connections of a PostgreSQL pool.
type connector struct {
	driver.Connector
	store *Store
}

// Connect implements driver.Connector. Its error is one line that names the
// server once, and wraps ErrUnavailable.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, c.store.connectFailed(ctx, err)
	}
	return conn, nil
}

// connectPostgres opens a connection outside the pools.
func (s *Store) connectPostgres(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, s.pg.Copy())
	if err != nil {
		return nil, s.connectFailed(ctx, err)
	}
	return conn, nil
}

// connectError: no connection could be opened.
type connectError struct {
	text string
	kind error // ErrUnavailable or ErrIndirect
	err  error
}

func (e *connectError) Error() string { return e.text }
func (e *connectError) Unwrap() []error {
	if e.err == nil {
		return []error{e.kind}
	}
	return []error{e.kind, e.err}
}

// connectFailed is why no connection could be opened. A shortage is logged here,
// once a minute, and nowhere else: everything that needs a connection meets it.
func (s *Store) connectFailed(ctx context.Context, err error) error {
	place := placeOf(s.pg)
	if ctx.Err() != nil {
		return fmt.Errorf("connect to %s: %w", place, context.Cause(ctx))
	}
	failed := &connectError{kind: ErrUnavailable, err: err, text: place + ": " + strings.Join(whyNot(err), "; ")}
	if said, ok := errors.AsType[*pgconn.PgError](err); ok && strings.Contains(said.Message, "unsupported startup parameter") {
		failed.kind, failed.text = ErrIndirect, indirect(place, said.Message)
	}
	if Shortage(err) && shortage.due() {
		s.log.Error("no connection to the database is free, retrying", "error", failed.text+advice(err))
	}
	return failed
}

// shortage is of the process: a store that cannot be opened is opened again, as
// another one.
var shortage minutely

// minutely lets something be said once a minute.
type minutely struct {
	mu   sync.Mutex
	last time.Time
}

func (m *minutely) due() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.last.IsZero() && time.Since(m.last) < time.Minute {
		return false
	}
	m.last = time.Now()
	return true
}

// whyNot lists why no connection could be opened: once where every attempt failed
// alike, and by host where there are several.
func whyNot(err error) (reasons []string) {
	var hosts []string
	if failed, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		hosts, err = hostsOf(failed.Config), errors.Unwrap(failed)
	}
	for _, attempt := range attemptsOf(err) {
		reason := causeOf(attempt)
		if cause := errors.Unwrap(attempt); cause != nil {
			reason = causeOf(cause)
			// pgx writes "address (host): cause".
			if _, host, ok := strings.Cut(attempt.Error(), "("); ok && len(hosts) > 1 {
				host, _, _ = strings.Cut(host, ")")
				reason = host + ": " + reason
			}
		}
		if !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	return reasons
}

// attemptsOf are the errors that were joined.
func attemptsOf(err error) (all []error) {
	for at := err; at != nil; at = errors.Unwrap(at) {
		if joined, ok := at.(interface{ Unwrap() []error }); ok {
			for _, one := range joined.Unwrap() {
				all = append(all, attemptsOf(one)...)
			}
			return all
		}
	}
	return []error{err}
}

// causeOf is an error without the address that it repeats.
func causeOf(err error) string {
	if said, ok := errors.AsType[*pgconn.PgError](err); ok {
		return oneLine(said.Error())
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil {
		return oneLine(op.Err.Error())
	}
	return oneLine(err.Error())
}

// oneLine folds line ends and the blanks around them.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// noIdleLimit keeps the server from ending our sessions when they are idle, where
// it has that setting: a server before version 14 would refuse it as a parameter
// of the start.
func noIdleLimit(ctx context.Context, conn *pgconn.PgConn) error {
	version := conn.ParameterStatus("server_version") // "15.3 (Debian 15.3-1)", "16beta1"
	digits := version[:len(version)-len(strings.TrimLeft(version, "0123456789"))]
	if major, err := strconv.Atoi(digits); err != nil || major < 14 {
		return nil
	}
	return conn.Exec(ctx, "SET idle_session_timeout = 0").Close()
}
