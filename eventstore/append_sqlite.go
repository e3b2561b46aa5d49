package eventstore

import (
	"context"
	_ "embed"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

var (
	//go:embed sql/sqlite/events.heads.sql
	eventsHeads string
	//go:embed sql/sqlite/events.insert.sql
	eventsInsert string
)

// joinSQLite writes a group in the transaction of ctx, which holds the lock.
func (s *Store) joinSQLite(ctx context.Context, group []*request) error {
	from := s.From(ctx)
	end, err := s.loadEnd(ctx, from, group)
	if err != nil {
		return err
	}
	var accepted []*request
	for _, r := range group {
		if end.accept(r) {
			accepted = append(accepted, r)
		}
	}
	if err := insertSQLite(ctx, from, accepted); err != nil {
		return err
	}
	for _, g := range end.moved {
		if _, err := from.ExecContext(ctx, guardPut, guardArgs(g)...); err != nil {
			return err
		}
	}
	return s.settle(ctx, from, group)
}

func insertSQLite(ctx context.Context, tx Querier, accepted []*request) error {
	for _, a := range accepted {
		for i, r := range a.recorded {
			_, err := tx.ExecContext(ctx, eventsInsert, r.Position, r.Stream, r.Version, r.ID.String(), r.Type,
				r.RecordedAt.UnixMicro(), string(r.Data), a.metadata[i])
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// end is the end of the log as far as a group is concerned: it moves with each
// append that is accepted.
type end struct {
	position int64
	at       time.Time // of its last event
	versions map[string]int64
	guards   map[string]domain.Guard
	moved    map[string]domain.Guard
	known    map[uuid.UUID]Recorded // events of the log that have ids of the group
}

func (s *Store) loadEnd(ctx context.Context, from Querier, group []*request) (*end, error) {
	e := &end{versions: map[string]int64{}, guards: map[string]domain.Guard{}, moved: map[string]domain.Guard{}}
	for _, r := range group {
		e.versions[r.Stream] = 0
		if r.scraper != "" {
			e.guards[r.scraper] = domain.Guard{Scraper: r.scraper}
		}
	}
	ids := idsOf(group)
	known, err := e.loadHeads(ctx, from, ids)
	if err == nil && known {
		e.known, err = s.eventsWithIDs(ctx, from, ids)
	}
	if err != nil {
		return nil, err
	}
	return e, e.loadGuards(ctx, from)
}

func (e *end) loadHeads(ctx context.Context, from Querier, ids []uuid.UUID) (known bool, err error) {
	rows, err := from.QueryContext(ctx, eventsHeads, keysAsJSON(e.versions), asJSON(ids))
	if err != nil {
		return false, err
	}
	defer rows.Close()
	for rows.Next() {
		var stream string
		var version, micros int64
		if err := rows.Scan(&stream, &version, &e.position, &micros, &known); err != nil {
			return false, err
		}
		e.versions[stream], e.at = version, time.UnixMicro(micros).UTC()
	}
	return known, rows.Err()
}

func (e *end) loadGuards(ctx context.Context, from Querier) error {
	rows, err := from.QueryContext(ctx, guardSome, keysAsJSON(e.guards))
	if err != nil {
		return err
	}
	guards, err := ScanAll(rows, scanGuard)
	for _, g := range guards {
		e.guards[g.Scraper] = g
	}
	return err
}

func keysAsJSON[V any](m map[string]V) string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	return asJSON(keys)
}

// asJSON marshals a list of strings or ids, which always can be.
func asJSON[T any](list []T) string {
	text, _ := json.Marshal(list)
	return string(text)
}

// accept decides about one append.
func (e *end) accept(r *request) bool {
	at := e.versions[r.Stream]
	known := slices.ContainsFunc(r.records, func(record Recorded) bool { _, ok := e.known[record.ID]; return ok })
	if at != r.Expected || known || r.Guard != nil && !sameGuard(e.guards[r.scraper], *r.Guard) {
		r.refuse(at)
		return false
	}
	r.accept(e.position, e.at)
	last := r.recorded[len(r.recorded)-1]
	e.position, e.at, e.versions[r.Stream] = last.Position, last.RecordedAt, last.Version
	if r.scraper == "" {
		return true
	}
	// A guard that nothing has moved yet may have no row, and the row is what
	// says that there is such a scraper.
	before := e.guards[r.scraper]
	if guard := evolve(before, r.Events); !sameGuard(guard, before) || sameGuard(before, domain.Guard{Scraper: r.scraper}) {
		e.guards[r.scraper], e.moved[r.scraper] = guard, guard
	}
	return true
}
