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

// commitSQLite writes a group in its own transaction.
func (s *Store) commitSQLite(group []*request, inGoodFaith bool) error {
	ctx := context.Background()
	if err := s.file.same(); err != nil {
		return err
	}
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return Unavailable(ctx, "begin", err)
	}
	defer conn.Close()
	err = onWriter(conn, func(w *sqliteWriter) error {
		if err := w.exec(`BEGIN IMMEDIATE`); err != nil {
			return Unavailable(ctx, "begin", err)
		}
		end, err := w.recall(inGoodFaith)
		if err == nil {
			end, err = joinSQLite(w, end, group, inGoodFaith)
		}
		if err = Unavailable(ctx, "append", err); err == nil {
			if err = w.exec(`COMMIT`); err == nil {
				w.end = end
				return nil
			}
			err = &commitError{err}
		}
		_ = w.exec(`ROLLBACK`) // SQLite may have done that
		return err
	})
	if err == nil {
		s.commits.Fire()
	}
	return err
}

// recall returns the end of the log as the last append has left it, in a transaction that
// holds the lock; nil: it is not known, or another process has written since.
func (w *sqliteWriter) recall(inGoodFaith bool) (known *end, err error) {
	known, version := w.end, w.version
	w.end = nil
	err = w.eachRow(`PRAGMA data_version`, nil, func(row Scanner) error { return row.Scan(&w.version) })
	if !inGoodFaith || w.version != version {
		known = nil
	}
	return known, err
}

// joinSQLite writes a group in a transaction that has begun, which holds the lock. It takes
// what is known of the end of the log, and returns the end that it leaves. In good faith
// it believes the versions that are expected, and that the ids are new: the trigger on
// events asks that of each row, and if it refuses one, nothing is written.
func joinSQLite(w *sqliteWriter, known *end, group []*request, inGoodFaith bool) (*end, error) {
	end, err := loadEnd(w, known, group, inGoodFaith)
	if err != nil {
		return nil, err
	}
	var accepted []*request
	for _, r := range group {
		if end.accept(r) {
			accepted = append(accepted, r)
		}
	}
	if err := insertSQLite(w, accepted); err != nil {
		return nil, err
	}
	for _, g := range end.moved {
		if err := w.exec(guardPut, guardArgs(g)...); err != nil {
			return nil, err
		}
	}
	return end, settle(w.eachRow, eventsWithIDsSQLite, group)
}

// manyRows is how many rows one INSERT has, where there are as many. For much larger
// ones SQLite keeps what it must be able to undo in a temporary file.
const manyRows = 10

const (
	eventsInsert = `INSERT INTO events (position, stream, version, id, type, recorded_at, data, metadata) VALUES ` + eventsRow
	eventsRow    = `(?, ?, ?, ?, ?, ?, ?, ?)`
)

var eventsInsertMany = eventsInsert + strings.Repeat(", "+eventsRow, manyRows-1)

func insertSQLite(w *sqliteWriter, accepted []*request) error {
	var args []any
	for _, a := range accepted {
		for i, r := range a.recorded {
			args = append(args, r.Position, r.Stream, r.Version, r.ID.String(), r.Type, r.RecordedAt.UnixMicro(), string(r.Data), a.metadata[i])
		}
	}
	return insertRows(w, args, eventsInsertMany, manyRows)
}

// insertRows inserts the rows whose columns args has, one after the other. insertMany is
// the statement that inserts many of them.
func insertRows(w *sqliteWriter, args []any, insertMany string, many int) error {
	const columns = 8
	for len(args) > 0 {
		query, rows := eventsInsert, 1
		if len(args) >= many*columns {
			query, rows = insertMany, many
		}
		if err := w.exec(query, args[:rows*columns]...); err != nil {
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

// mostGuards is how many guards a writer remembers.
const mostGuards = 1000

// loadEnd completes what is remembered of the end of the log; nil: nothing is.
func loadEnd(w *sqliteWriter, e *end, group []*request, inGoodFaith bool) (*end, error) {
	fresh := e == nil || len(e.guards) > mostGuards
	if fresh {
		e = &end{guards: map[string]domain.Guard{"": {}}}
	}
	e.versions, e.moved, e.known = map[string]int64{}, map[string]domain.Guard{}, nil
	unknown := map[string]domain.Guard{}
	for _, r := range group {
		if _, seen := e.versions[r.Stream]; !seen {
			e.versions[r.Stream] = r.Expected
		}
		if _, known := e.guards[r.scraper]; !known {
			unknown[r.scraper] = domain.Guard{}
		}
	}
	if fresh {
		unknown[""] = domain.Guard{}
	}
	if len(unknown) > 0 {
		if err := e.loadGuards(w, unknown); err != nil {
			return nil, err
		}
	}
	if inGoodFaith {
		return e, nil
	}
	if err := e.loadVersions(w); err != nil {
		return nil, err
	}
	known, err := eventsWithIDs(w.eachRow, eventsWithIDsSQLite, idsOf(group))
	e.known = known
	return e, err
}

func (e *end) loadGuards(w *sqliteWriter, scrapers map[string]domain.Guard) error {
	var micros int64
	err := w.eachRow(guardSome, []any{keysAsJSON(scrapers)}, func(row Scanner) error {
		g, err := scanGuard(following{row, []any{&e.position, &micros}})
		e.guards[g.Scraper] = g
		return err
	})
	e.at = time.UnixMicro(micros).UTC()
	return err
}

func (e *end) loadVersions(w *sqliteWriter) error {
	return w.eachRow(eventsHeads, []any{keysAsJSON(e.versions)}, func(row Scanner) error {
		var stream string
		var version int64
		err := row.Scan(&stream, &version)
		e.versions[stream] = version
		return err
	})
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
