package instances

import (
	"context"
	"time"

	"scrapelog/eventstore"
)

// Live lists the instances that are alive: first those that take runs, the least
// loaded before the others.
func (s *Registry) Live(ctx context.Context) ([]Row, error) {
	rows, err := s.From(ctx).QueryContext(ctx, s.Dialect().Pick(instancesLiveSQLite, instancesLivePostgres))
	if err != nil {
		return nil, eventstore.Unavailable(ctx, "instances", err)
	}
	live, err := eventstore.ScanAll(rows, func(row eventstore.Scanner) (r Row, err error) {
		var started, beat int64
		err = row.Scan(&r.ID, &started, &beat, &r.TakesRuns, &r.OpenRuns)
		r.StartedAt, r.LastBeat = time.UnixMicro(started).UTC(), time.UnixMicro(beat).UTC()
		return r, err
	})
	if err != nil {
		return nil, eventstore.Unavailable(ctx, "instances", err)
	}
	return live, nil
}

// Dead lists the instances that are not alive and leave something to end: an open
// run that names the instance, or a row that is not marked.
func (s *Registry) Dead(ctx context.Context) ([]string, error) {
	return s.instanceIDs(ctx, instancesDead)
}

// SurelyDead lists the dead instances of which an instance that has just started can be
// certain. On SQLite these are all: the serving process holds the lock. On PostgreSQL
// the database may have been unavailable, so that live instances could not beat.
func (s *Registry) SurelyDead(ctx context.Context) ([]string, error) {
	return s.instanceIDs(ctx, s.Dialect().Pick(instancesDead, instancesSurelyDead))
}

func (s *Registry) instanceIDs(ctx context.Context, query string) ([]string, error) {
	rows, err := s.From(ctx).QueryContext(ctx, query)
	if err != nil {
		return nil, eventstore.Unavailable(ctx, "dead instances", err)
	}
	dead, err := eventstore.ScanAll(rows, func(row eventstore.Scanner) (id string, err error) { return id, row.Scan(&id) })
	if err != nil {
		return nil, eventstore.Unavailable(ctx, "dead instances", err)
	}
	return dead, nil
}

// Clock returns the time by which instances are judged dead: on PostgreSQL that of the
// server.
func (s *Registry) Clock(ctx context.Context) (time.Time, error) {
	if s.Dialect() == eventstore.SQLite {
		return time.Now(), nil
	}
	var micros int64
	err := s.From(ctx).QueryRowContext(ctx, `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`).Scan(&micros)
	if err != nil {
		return time.Time{}, eventstore.Unavailable(ctx, "clock", err)
	}
	return time.UnixMicro(micros), nil
}
