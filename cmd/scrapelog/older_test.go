package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
	"scrapelog/projections"
)

// older is the folder of a log that other versions of this program have written.
const older = "testdata/older"

// The runs of that log: lost and recovered, its recovery, and one that is lost still.
const (
	olderLost    = "0195c2f4-0000-7000-8000-000000000001"
	olderNext    = "0195c2f4-0000-7000-8000-000000000002"
	olderWaiting = "0195c2f4-0000-7000-8000-000000000003"
)

// retireShapes makes this program one in which four shapes have retired.
func retireShapes(t *testing.T) {
	t.Helper()
	retire := func(old, successor string, change func(fields map[string]any)) {
		t.Cleanup(domain.Retire(old, successor, func(data []byte) ([]byte, error) {
			var fields map[string]any
			if err := json.Unmarshal(data, &fields); err != nil {
				return nil, err
			}
			change(fields)
			return json.Marshal(fields)
		}))
	}
	rename := func(fields map[string]any, from, to string) {
		if value, is := fields[from]; is {
			fields[to] = value
			delete(fields, from)
		}
	}
	retire("scraper.defined", "scraper.configured", func(fields map[string]any) { fields["source"] = domain.SourceFile })
	retire("run.begun", "run.started", func(fields map[string]any) {
		rename(fields, "why", "trigger")
		rename(fields, "slot", "due_at")
	})
	retire("run.dropped", "run.dropped.v2", func(fields map[string]any) { rename(fields, "why", "cause") })
	retire("run.dropped.v2", "run.connection_lost", func(fields map[string]any) {
		fields["link"], fields["received"] = domain.LinkScraper, map[string]any{"events": 0, "bytes": fields["bytes"]}
		delete(fields, "bytes")
	})
}

// olderRow is a line of the fixture.
type olderRow struct {
	Table string
	Row   map[string]any
}

func olderRows(t *testing.T) (rows []olderRow) {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(older, "log.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(file)); lines.Scan(); {
		var row olderRow
		decode := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		decode.UseNumber()
		if err := decode.Decode(&row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

// loadOlder writes the rows as they are, past everything that would make or
// change them today.
func loadOlder(t *testing.T, store *eventstore.Store) {
	t.Helper()
	err := store.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		for _, row := range olderRows(t) {
			columns := slices.Sorted(maps.Keys(row.Row))
			var places []string
			var values []any
			for i, column := range columns {
				places, values = append(places, fmt.Sprintf("$%d", i+1)), append(values, olderValue(t, row.Row[column]))
			}
			statement := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", row.Table, strings.Join(columns, ", "), strings.Join(places, ", "))
			if _, err := tx.ExecContext(ctx, statement, values...); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func olderValue(t *testing.T, value any) any {
	t.Helper()
	switch value := value.(type) {
	case json.Number:
		n, err := value.Int64()
		if err != nil {
			t.Fatal(err)
		}
		return n
	case map[string]any:
		b, err := base64.StdEncoding.DecodeString(value["base64"].(string))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	return value
}

// assertKept compares what is stored, byte for byte, with what was loaded.
func assertKept(t *testing.T, store *eventstore.Store) {
	t.Helper()
	var want, got []string
	for _, row := range olderRows(t) {
		if r := row.Row; row.Table == "events" {
			want = append(want, fmt.Sprint(r["position"], r["stream"], r["version"], r["id"], r["type"], r["recorded_at"], r["data"], r["metadata"]))
		}
	}
	rows, err := store.Reader().QueryContext(t.Context(),
		`SELECT position, stream, version, id, type, recorded_at, data, metadata FROM events WHERE position <= $1 ORDER BY position`, len(want))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var position, version, at int64
		var stream, id, eventType string
		var data, metadata []byte
		if err := rows.Scan(&position, &stream, &version, &id, &eventType, &at, &data, &metadata); err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(position, stream, version, id, eventType, at, string(data), string(metadata)))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the log is not as it was written:\n%s\nwas\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// olderLog is the log on a database, its proof in a folder that may be written,
// and a configuration that names both.
func olderLog(t *testing.T, db eventstoretest.Database) *eventstore.Store {
	t.Helper()
	retireShapes(t)
	store := openStore(t, db.URL)
	if err := projections.Ensure(t.Context(), store); err != nil { // from here on it is fed, not built
		t.Fatal(err)
	}
	loadOlder(t, store)
	dir := t.TempDir()
	for _, name := range []string{"audit.key", "audit.checkpoints"} {
		content, err := os.ReadFile(filepath.Join(older, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	config := fmt.Sprintf("listen: %s\ndatabase: %q\naudit: {key: %s/audit.key, checkpoints: %[3]s/audit.checkpoints}\nscrapers:\n  - {name: shop, url: \"http://127.0.0.1:9/scrapes/shop\", schedule: \"@daily\"}\n",
		gatetest.FreeAddress(t), db.URL, dir)
	path := filepath.Join(dir, "scrapelog.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SCRAPELOG_CONFIG", path)
	return store
}
