package eventstore

import (
	"context"
	"fmt"
)

// Maintain takes the database for this process alone: no instance serves it, and
// none begins to, and nobody else maintains it until release is called or the
// process ends. ErrHeld says that somebody has it.
func (s *Store) Maintain(ctx context.Context) (release func(), err error) {
	if s.write == nil {
		return nil, errReadOnly
	}
	if s.dialect == SQLite {
		free, err := lockFile(s.file.lockPath())
		if err != nil {
			return nil, err
		}
		return func() { _ = free() }, nil
	}
	return s.maintainPostgres(ctx)
}

// maintainPostgres holds, in a session of its own, alone what instances share.
func (s *Store) maintainPostgres(ctx context.Context) (release func(), err error) {
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return nil, unavailable(ctx, "maintenance lock", err)
	}
	release = func() { endSession(conn) }
	var alone bool
	if err := conn.QueryRowContext(ctx, `SELECT pg_try_advisory_lock($1)`, servingLock).Scan(&alone); err != nil {
		release()
		return nil, unavailable(ctx, "maintenance lock", err)
	}
	if err := s.nobodyServes(ctx, alone); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// nobodyServes names who does. An instance whose session was cut has lost its
// share of the lock and not its runs: it lives for as long as it was heard of.
func (s *Store) nobodyServes(ctx context.Context, alone bool) error {
	version, _, err := s.Migrated(ctx)
	if err != nil {
		return err
	}
	var live []InstanceRow
	if version > 0 {
		if live, err = s.LiveInstances(ctx); err != nil {
			return err
		}
	}
	switch {
	case len(live) > 0:
		return fmt.Errorf("%w: instance %s serves it", ErrHeld, live[0].ID)
	case !alone:
		return fmt.Errorf("%w: it is being maintained, or an instance starts", ErrHeld)
	}
	return nil
}
