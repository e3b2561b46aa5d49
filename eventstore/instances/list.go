package instances

import (
	"context"
	"time"

	"scrapelog/eventstore"
)

// Live lists the instances that are alive: first those that take runs, the least
// loaded before the others.
func (s *Registry) Live(ctx context.Context) ([]Row, error) {
	return eventstore.Select(ctx, s.From(ctx), "instances", func(row eventstore.Scanner) (r Row, err error) {
		return r, row.Scan(&r.ID, eventstore.Micros{To: &r.StartedAt}, eventstore.Micros{To: &r.LastBeat}, &r.TakesRuns, &r.OpenRuns)
	}, s.Dialect().Pick(instancesLiveSQLite, instancesLivePostgres))
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
	return eventstore.Select(ctx, s.From(ctx), "dead instances", eventstore.Value[string], query)
}

// Clock returns the time by which instances are judged dead: on PostgreSQL that of the
// server.
func (s *Registry) Clock(ctx context.Context) (time.Time, error) {
	if s.Dialect() == eventstore.SQLite {
		return time.Now(), nil
	}
	var micros int64
	err := s.From(ctx).QueryRowContext(ctx, `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`).Scan(&micros)
	return time.UnixMicro(micros), eventstore.Unavailable(ctx, "clock", err)
}
