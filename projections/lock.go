package projections

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"

	"scrapelog/eventstore"
)

// buildLock is the advisory lock under which tables are made or rebuilt. Instances with
// different numbers would write into each other's fresh tables.
const buildLock int64 = 0x70726f6a65637473

// building is that lock on SQLite, where one process serves the database.
var building = make(chan struct{}, 1)

// lockBuilds waits until no other rebuild runs.
func lockBuilds(ctx context.Context, store *eventstore.Store) (unlock func(), err error) {
	if store.Dialect() == eventstore.Postgres {
		return lockPostgres(ctx, store.Reader())
	}
	select {
	case building <- struct{}{}:
		return func() { <-building }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// lockPostgres asks again and again rather than wait in the server, where
// lock_timeout would end the wait.
func lockPostgres(ctx context.Context, pool *sql.DB) (unlock func(), err error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	for {
		var locked bool
		err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", buildLock).Scan(&locked)
		if err == nil && locked {
			return func() { unlockPostgres(context.WithoutCancel(ctx), conn) }, nil
		}
		if err == nil && !eventstore.Pause(ctx, 200*time.Millisecond) {
			err = context.Cause(ctx)
		}
		if err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
}

// unlockPostgres gives the connection back only without the lock: the pool
// would hand on both.
func unlockPostgres(ctx context.Context, conn *sql.Conn) {
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", buildLock); err != nil {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // closed, not reused
	}
	_ = conn.Close()
}
