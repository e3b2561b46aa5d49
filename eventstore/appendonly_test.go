package eventstore_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/google/uuid"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

const row = `(position, stream, version, id, type, recorded_at, data, metadata) VALUES `

// next is a row that may be inserted after the two that the test begins with.
const next = `(3, 'x', 1, '019a3f00-0000-7000-8000-000000000003', 't', 1, '{}', '{}')`

// appendOlder writes the row after that, as instances do that are not upgraded yet.
const appendOlder = `SELECT append_events('{y}', '{0}', '{false}', '{""}', '{00000000-0000-0000-0000-000000000000}', '{""}', '{0}', '{""}',
	'{1}', '{1}', '{019a3f00-0000-7000-8000-000000000004}', '{t}', '{1}', ARRAY['{}'::json], ARRAY['{}'::json])`

// appendNewer writes the row after that.
var appendNewer = strings.NewReplacer("append_events", "append_to_log", "{y}", "{z}", "0004", "0005").Replace(appendOlder)

// ofKnown makes of them an append of the version that the first stream has.
var ofKnown = strings.NewReplacer("'{y}'", "ARRAY[(SELECT stream FROM events WHERE position = 1)]", "'{z}'", "ARRAY[(SELECT stream FROM events WHERE position = 1)]",
	"'{0}', '{false}'", "'{1}', '{false}'")

var changes = map[string]string{
	"UPDATE":                           `UPDATE events SET type = 'x' WHERE position = 1`,
	"UPDATE of nothing but the id":     `UPDATE events SET id = id`,
	"DELETE":                           `DELETE FROM events WHERE position = 2`,
	"DELETE of everything":             `DELETE FROM events`,
	"upsert":                           `INSERT INTO events ` + row + `(2, 'x', 1, '019a3f00-0000-7000-8000-000000000003', 't', 1, '{}', '{}') ON CONFLICT (position) DO UPDATE SET type = 'x'`,
	"INSERT that leaves a hole":        `INSERT INTO events ` + strings.Replace(row+next, "(3,", "(4,", 1),
	"INSERT at position 0":             `INSERT INTO events ` + strings.Replace(row+next, "(3,", "(0,", 1),
	"INSERT of a version with a hole":  `INSERT INTO events ` + strings.Replace(row+next, "'x', 1", "'x', 2", 1),
	"INSERT of a hole within one":      `INSERT INTO events ` + row + next + `, (5, 'y', 1, '019a3f00-0000-7000-8000-000000000005', 't', 1, '{}', '{}')`,
	"INSERT of a payload that no JSON": `INSERT INTO events ` + strings.Replace(row+next, "'{}'", "'{'", 1),
}

var dialectChanges = map[eventstore.Dialect]map[string]string{
	eventstore.SQLite: {
		"REPLACE of a position":                 `REPLACE INTO events ` + strings.Replace(row+next, "(3,", "(2,", 1),
		"INSERT OR REPLACE of a stream version": `INSERT OR REPLACE INTO events ` + row + `(3, (SELECT stream FROM events WHERE position = 1), 1, '019a3f00-0000-7000-8000-000000000003', 't', 1, '{}', '{}')`,
		"INSERT OR REPLACE of an id":            `INSERT OR REPLACE INTO events ` + row + `(3, 'x', 1, (SELECT id FROM events WHERE position = 1), 't', 1, '{}', '{}')`,
		"UPDATE OR REPLACE":                     `UPDATE OR REPLACE events SET position = 1 WHERE position = 2`,
		"INSERT of no position":                 `INSERT INTO events ` + strings.Replace(row+next, "(3,", "(NULL,", 1),
	},
	eventstore.Postgres: {
		"TRUNCATE":                  `TRUNCATE events`,
		"TRUNCATE CASCADE":          `TRUNCATE events CASCADE`,
		"MERGE":                     `MERGE INTO events e USING (SELECT 1 AS position) s ON e.position = s.position WHEN MATCHED THEN DELETE`,
		"DELETE by a replicator":    `SET LOCAL session_replication_role = replica; DELETE FROM events`,
		"append_events with a hole": strings.Replace(appendOlder, "'{1}', '{019a", "'{2}', '{019a", 1),
		"append_events of a version that is there": ofKnown.Replace(appendOlder),
		"append_to_log with a hole":                strings.Replace(appendNewer, "'{1}', '{019a", "'{2}', '{019a", 1),
		"append_to_log of a version that is there": ofKnown.Replace(appendNewer),
		"DELETE inside of a query":                 `WITH gone AS (DELETE FROM events RETURNING 1) SELECT count(*) FROM gone`,
	},
}

func TestEventsRefuseEveryStatementThatChangesThem(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		appendRuns(t, s, 2)
		before := logAsText(t, s)
		try := func(name, statement string) {
			err := s.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, statement)
				return err
			})
			if err == nil {
				t.Errorf("%s was accepted", name)
			}
		}
		for name, statement := range changes {
			try(name, statement)
		}
		for name, statement := range dialectChanges[db.Dialect] {
			try(name, statement)
		}
		if after := logAsText(t, s); after != before {
			t.Errorf("the log changed from\n%s\nto\n%s", before, after)
		}
		// What was refused above was not refused for its form.
		write(t, s, `INSERT INTO events `+row+next)
		if db.Dialect == eventstore.Postgres {
			write(t, s, appendOlder)
			write(t, s, appendNewer)
		}
		mustAppend(t, s, appendOf(0, started(uuid.New())))
	})
}

func logAsText(t testing.TB, s *eventstore.Store) string {
	t.Helper()
	var text string
	err := s.Reader().QueryRowContext(t.Context(),
		`SELECT coalesce((SELECT count(*) || ' events, ' || min(type) || ' to ' || max(type) || ', ' || max(position) FROM events), '')`).Scan(&text)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
