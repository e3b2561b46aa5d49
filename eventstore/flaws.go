package eventstore

import (
	"context"
	"fmt"
)

// FlawKind is what a flaw is about.
type FlawKind string

// The kinds of flaws.
const (
	FlawSchema FlawKind = "schema" // a table, trigger or function is not as the migrations made it
	FlawOffset FlawKind = "offset" // a consumer group has an offset past the end of the log
	FlawGuard  FlawKind = "guard"  // a guard row is not what the log says
	FlawGrant  FlawKind = "grant"  // another role may change the log; nothing is wrong yet
)

// Flaw is a change to the database that no event records, so that the log
// is not protected, or is read or decided from wrongly.
type Flaw struct {
	Kind  FlawKind `json:"kind"`
	Table string   `json:"table"`
	Says  string   `json:"says"`
}

// Weak says that others could do harm, and nothing is wrong yet.
func (f Flaw) Weak() bool { return f.Kind == FlawGrant }

const (
	repairing  = `stop the service and run "scrapelog db repair-guards"`
	distrusted = `an owner of the database did that: run "scrapelog events verify", then ` + repairing
)

func flawOf(kind FlawKind, table, format string, args ...any) Flaw {
	return Flaw{kind, table, fmt.Sprintf("table "+table+": "+format, args...)}
}

const (
	// Groups whose offset lies past the end of the log.
	offsetsPast = `SELECT o.consumer_group, o.position, head.position
FROM consumer_offsets o, (SELECT coalesce(max(position), 0) AS position FROM events) AS head
WHERE o.position > head.position
ORDER BY o.consumer_group`
	// Guards that name a run of which the log has no first event.
	guardsForged = `SELECT scraper, 'open_run', CAST(open_run AS text) FROM scraper_guard g
WHERE open_run IS NOT NULL AND NOT EXISTS (SELECT 1 FROM events WHERE stream = 'run-' || CAST(g.open_run AS text) AND version = 1)
UNION ALL
SELECT scraper, 'lost_run', CAST(lost_run AS text) FROM scraper_guard g
WHERE lost_run IS NOT NULL AND NOT EXISTS (SELECT 1 FROM events WHERE stream = 'run-' || CAST(g.lost_run AS text) AND version = 1)
ORDER BY 1, 2`
)

// Flaws looks at triggers, tables and functions, at offsets and at the guards of
// open and lost runs. It reads a few rows; [GuardProver] proves every guard.
func (s *Store) Flaws(ctx context.Context) ([]Flaw, error) {
	flaws, err := s.schemaFlaws(ctx)
	if err != nil {
		return nil, err
	}
	offsets, err := s.OffsetsPast(ctx)
	if err != nil {
		return nil, err
	}
	for _, o := range offsets {
		flaws = append(flaws, flawOf(FlawOffset, "consumer_offsets", "the offset of %s is %d, past the end of the log at %d: %s", o.Group, o.Position, o.Head, repairing))
	}
	guards, err := s.forgedGuards(ctx)
	return append(flaws, guards...), err
}

// OffsetPast is the offset of a consumer group that lies past the end of the log.
type OffsetPast struct {
	Group          string
	Position, Head int64
}

// OffsetsPast lists the offsets that lie past the end of the log: the group would
// never be handed the next events.
func (s *Store) OffsetsPast(ctx context.Context) ([]OffsetPast, error) {
	return Select(ctx, s.From(ctx), "offsets", func(row Scanner) (o OffsetPast, err error) {
		return o, row.Scan(&o.Group, &o.Position, &o.Head)
	}, offsetsPast)
}

// forgedGuards names the guards whose open or lost run the log does not know.
func (s *Store) forgedGuards(ctx context.Context) ([]Flaw, error) {
	return Select(ctx, s.From(ctx), "guards", func(row Scanner) (Flaw, error) {
		var scraper, column, run string
		err := row.Scan(&scraper, &column, &run)
		return flawOf(FlawGuard, "scraper_guard", "the guard of scraper %s was edited: %s is %s, and the log has no such run: %s", scraper, column, run, repairing), err
	}, guardsForged)
}
