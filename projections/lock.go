package projections

import (
	"context"
	"database/sql"
	"time"

	"scrapelog/eventstore"
)

// buildLock is the advisory lock of whoever makes or rebuilds tables. Instances
// that took different numbers would write into each other's fresh tables.
const buildLock = 0x5c7a9e10 + 1

// building is the same lock on SQLite, which one process serves.
var building = make(chan struct{}, 1)

// lockBuilds waits until no other rebuild runs.
func lockBuilds(ctx context.Context, store *eventstore.Store) (unlock func(), err error) {
	select {
	case building <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if store.Dialect() == eventstore.SQLite {
		return func() { <-building }, nil
	}
	conn, err := lockPostgres(ctx, store.Reader())
	if err != nil {
		<-building
		return nil, err
	}
	return func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", buildLock)
		_ = conn.Close()
		<-building
	}, nil
}

// lockPostgres asks again and again rather than wait in the server, where
// lock_timeout would end the wait.
func lockPostgres(ctx context.Context, pool *sql.DB) (*sql.Conn, error) {
	conn, err := pool.Conn(ctx)
	for err == nil {
		var locked bool
		err = conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", buildLock).Scan(&locked)
		if err == nil && locked {
			return conn, nil
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	if conn != nil {
		_ = conn.Close()
	}
	return nil, err
}
