package instances

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"scrapelog/eventstore"
)

// Maintain gives this process the database exclusively, until release is called or the
// process ends: no instance serves it or begins to, and no other process maintains
// it. The error is eventstore.ErrHeld while another process has the database.
func (s *Registry) Maintain(ctx context.Context) (release func(), err error) {
	if s.Writer() == nil {
		return nil, eventstore.ErrReadOnly
	}
	if s.Dialect() == eventstore.SQLite {
		free, err := s.LockFile()
		if err != nil {
			return nil, err
		}
		return func() { _ = free() }, nil
	}
	return s.maintainPostgres(ctx)
}

// maintainPostgres holds exclusively, in a separate session, the lock that instances
// share.
func (s *Registry) maintainPostgres(ctx context.Context) (release func(), err error) {
	conn, err := s.Writer().Conn(ctx)
	if err != nil {
		return nil, eventstore.Unavailable(ctx, "maintenance lock", err)
	}
	release = func() { endSession(conn) }
	var alone bool
	if err := conn.QueryRowContext(ctx, `SELECT pg_try_advisory_lock($1)`, servingLock).Scan(&alone); err != nil {
		release()
		return nil, eventstore.Unavailable(ctx, "maintenance lock", err)
	}
	if err := s.unserved(ctx, alone); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// unserved returns ErrHeld, with the name of an instance if one serves the database.
// An instance whose session was cut has lost its share of the lock but not its runs:
// it is alive until its beats are too old.
func (s *Registry) unserved(ctx context.Context, alone bool) error {
	version, _, err := s.Migrated(ctx)
	if err != nil {
		return err
	}
	var serves string
	if version > 0 {
		// The view exists since the first schema; other columns of an instance may come
		// with the migration that is about to run.
		err := s.Writer().QueryRowContext(ctx, `SELECT id FROM live_instances LIMIT 1`).Scan(&serves)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return eventstore.Unavailable(ctx, "live instances", err)
		}
	}
	switch {
	case serves != "" && alone:
		return fmt.Errorf("%w: instance %s was alive a moment ago; if it has ended, or the database was restored since, try again in 10 seconds", eventstore.ErrHeld, serves)
	case serves != "":
		return fmt.Errorf("%w: instance %s is serving it", eventstore.ErrHeld, serves)
	case !alone:
		return fmt.Errorf("%w: maintenance is running, or an instance is starting", eventstore.ErrHeld)
	}
	return nil
}
