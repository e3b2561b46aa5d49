package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
	"scrapelog/projections"
)

// TestDowngradeIsRefused: every command refuses a database that a newer program has
// used, names both versions, and writes nothing.
func TestDowngradeIsRefused(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		store := sealedLog(t, db)
		if err := projections.Ensure(t.Context(), store); err != nil {
			t.Fatal(err)
		}
		_, latest, err := store.Migrated(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		runs, err := projections.Find("runs")
		if err != nil {
			t.Fatal(err)
		}
		change := func(statement string, args ...any) {
			t.Helper()
			if _, err := store.Writer().ExecContext(t.Context(), statement, args...); err != nil {
				t.Fatal(err)
			}
		}
		change(`UPDATE projections SET version = version + 7 WHERE name = 'runs'`)
		refusesAll(t, db, store, fmt.Sprintf("the read model runs has version %d, and this program knows versions up to %d; run the newer program", runs.Version()+7, runs.Version()))
		change(`INSERT INTO scrapelog_migrations (version_id, is_applied) VALUES ($1, true)`, latest+3)
		schema := fmt.Sprintf("its schema has version %d, and this program knows versions up to %d; run the newer program", latest+3, latest)
		refusesAll(t, db, store, schema)
		exits(t, 6, schema, "users", "list", "--db", db.URL)
	})
}

func refusesAll(t *testing.T, db eventstoretest.Database, store *eventstore.Store, says string) {
	t.Helper()
	before := contents(t, db, store)
	file := filepath.Join(t.TempDir(), "file")
	putFile(t, file, "{}\n")
	t.Setenv("SCRAPELOG_LISTEN", gatetest.FreeAddress(t))
	t.Setenv("SCRAPELOG_DB", db.URL)
	for _, command := range []string{
		"serve", "events list", "events tail", "events show 1", "events grep x", "events stats", "events export", "events verify", "events import " + file,
		"audit replay", "audit diff 1 2", "audit checkpoint", "audit prove 1", "audit bundle --after 0 --until 2 -o " + file + ".zip", "audit rotate-key",
		"projections list", "projections rebuild runs", "projections check runs", "events dead-letters list",
		"db migrate", "db status", "db backup " + file + ".db", "db repair-guards",
	} {
		_, stderr := exits(t, 6, says, strings.Fields(command)...)
		if strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s says more than a sentence:\n%s", command, stderr)
		}
	}
	if after := contents(t, db, store); after != before {
		t.Errorf("what is stored has changed:\n%s\nwas\n%s", after, before)
	}
}

// session is the lines that differ between two dumps of one database.
var session = regexp.MustCompile(`(?m)^\\(un)?restrict .*$`)

// contents is all that a database holds.
func contents(t *testing.T, db eventstoretest.Database, store *eventstore.Store) string {
	t.Helper()
	if db.Dialect == eventstore.SQLite {
		if _, err := store.Writer().ExecContext(t.Context(), `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(strings.TrimPrefix(db.URL, "sqlite:"))
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	program, err := eventstoretest.Program("pg_dump")
	if err != nil {
		t.Fatal(err)
	}
	dump, err := exec.CommandContext(t.Context(), program, db.URL).Output()
	if err != nil {
		t.Fatal(err)
	}
	return session.ReplaceAllString(string(dump), "")
}
