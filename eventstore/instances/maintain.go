package instances

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"scrapelog/eventstore"
)

// Maintain takes the database for this process alone: no instance serves it, and
// none begins to, and nobody else maintains it until release is called or the
// process ends. ErrHeld says that somebody has it.
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

// maintainPostgres holds, in a session of its own, alone what instances share.
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
	if err := s.nobodyServes(ctx, alone); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// nobodyServes names who does. An instance whose session was cut has lost its
// share of the lock and not its runs: it lives for as long as it was heard of.
func (s *Registry) nobodyServes(ctx context.Context, alone bool) error {
	version, _, err := s.Migrated(ctx)
	if err != nil {
		return err
	}
	var serves string
	if version > 0 {
		// The view is there since the first schema; what else is known of an instance
		// may come with the migration that is about to be made.
		err := s.Writer().QueryRowContext(ctx, `SELECT id FROM live_instances LIMIT 1`).Scan(&serves)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return eventstore.Unavailable(ctx, "live instances", err)
		}
	}
	switch {
	case serves != "":
		return fmt.Errorf("%w: instance %s serves it", eventstore.ErrHeld, serves)
	case !alone:
		return fmt.Errorf("%w: it is being maintained, or an instance starts", eventstore.ErrHeld)
	}
	return nil
}
