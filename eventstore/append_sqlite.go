package eventstore

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// eventsHeads reads the versions of the streams named in a JSON array.
const eventsHeads = `SELECT value, (SELECT coalesce(max(version), 0) FROM events WHERE stream = value) FROM json_each($1)`

// guardSome reads the guards of the scrapers named in a JSON array, which must not be
// empty, and the newest event.
var guardSome = `
SELECT coalesce(position, 0), coalesce(recorded_at, 0), value, ` + guardOrZero + `
FROM json_each($1)
LEFT JOIN (SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1) ON true
LEFT JOIN scraper_guard ON scraper = value`

// joinSQLite writes a group in the transaction of ctx, which holds the lock. In good
// faith it believes the versions that are expected, and that the ids are new: the
// trigger on events asks that of each row, and if it refuses one, nothing is written.
func (s *Store) joinSQLite(ctx context.Context, group []*request, inGoodFaith bool) error {
	from := s.From(ctx)
	end, err := s.loadEnd(ctx, from, group, inGoodFaith)
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

// manyRows is how many rows one INSERT has, where there are as many. For much larger
// ones SQLite keeps what it must be able to undo in a temporary file.
const manyRows = 10

const (
	eventsInsert = `INSERT INTO events (position, stream, version, id, type, recorded_at, data, metadata) VALUES ` + eventsRow
	eventsRow    = `(?, ?, ?, ?, ?, ?, ?, ?)`
)

var eventsInsertMany = eventsInsert + strings.Repeat(", "+eventsRow, manyRows-1)

func insertSQLite(ctx context.Context, tx Querier, accepted []*request) error {
	var args []any
	for _, a := range accepted {
		for i, r := range a.recorded {
			args = append(args, r.Position, r.Stream, r.Version, r.ID.String(), r.Type, r.RecordedAt.UnixMicro(), string(r.Data), a.metadata[i])
		}
	}
	return insertRows(ctx, tx, args, eventsInsertMany, manyRows)
}

// insertRows inserts the rows whose columns args has, one after the other. insertMany is
// the statement that inserts many of them.
func insertRows(ctx context.Context, tx Querier, args []any, insertMany string, many int) error {
	const columns = 8
	for len(args) > 0 {
		query, rows := eventsInsert, 1
		if len(args) >= many*columns {
			query, rows = insertMany, many
		}
		if _, err := tx.ExecContext(ctx, query, args[:rows*columns]...); err != nil {
			return err
		}
		args = args[rows*columns:]
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

func (s *Store) loadEnd(ctx context.Context, from Querier, group []*request, inGoodFaith bool) (e *end, err error) {
	e = &end{versions: map[string]int64{}, guards: map[string]domain.Guard{"": {}}, moved: map[string]domain.Guard{}}
	for _, r := range group {
		if _, seen := e.versions[r.Stream]; !seen {
			e.versions[r.Stream] = r.Expected
		}
		e.guards[r.scraper] = domain.Guard{}
	}
	if err := e.loadGuards(ctx, from); err != nil || inGoodFaith {
		return e, err
	}
	if err := e.loadVersions(ctx, from); err != nil {
		return nil, err
	}
	e.known, err = s.eventsWithIDs(ctx, from, idsOf(group))
	return e, err
}

func (e *end) loadGuards(ctx context.Context, from Querier) error {
	rows, err := from.QueryContext(ctx, guardSome, keysAsJSON(e.guards))
	if err != nil {
		return err
	}
	defer rows.Close()
	var micros int64
	for rows.Next() {
		g, err := scanGuard(following{rows, []any{&e.position, &micros}})
		if err != nil {
			return err
		}
		e.guards[g.Scraper] = g
	}
	e.at = time.UnixMicro(micros).UTC()
	return rows.Err()
}

func (e *end) loadVersions(ctx context.Context, from Querier) error {
	rows, err := from.QueryContext(ctx, eventsHeads, keysAsJSON(e.versions))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var stream string
		var version int64
		if err := rows.Scan(&stream, &version); err != nil {
			return err
		}
		e.versions[stream] = version
	}
	return rows.Err()
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
