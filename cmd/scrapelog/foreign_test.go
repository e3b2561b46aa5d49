package main

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

// endless is a view that yields nothing and never ends.
const endless = ` AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n)
	SELECT x AS position, 's' AS stream, x AS version, x AS id, 'run.started' AS type, x AS recorded_at, '{}' AS data, '{}' AS metadata FROM n WHERE x < 0`

// tampered is a migrated database in which statements were executed.
func tampered(t *testing.T, db eventstoretest.Database, statements ...string) {
	t.Helper()
	store, err := eventstore.Open(t.Context(), eventstore.Config{URL: db.URL})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	driver, source := "sqlite", strings.TrimPrefix(db.URL, "sqlite:")
	if db.Dialect == eventstore.Postgres {
		driver, source = "pgx", db.URL
	}
	raw, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	for _, statement := range statements {
		if _, err := raw.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(statement, err)
		}
	}
}

// TestForeignDatabasesDoNotHang: a database whose "tables" are views that never
// end is refused by every command that opens it, and so is one that is none.
func TestForeignDatabasesDoNotHang(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		cascade := ""
		if db.Dialect == eventstore.Postgres {
			cascade = " CASCADE"
		}
		tampered(t, db, "DROP TABLE events"+cascade, "CREATE VIEW events"+endless)
		for _, args := range []string{
			"events list", "events tail", "events tail -f", "events show 1", "events verify", "events dead-letters list", "db status", "db migrate",
			"projections list", "audit replay", "audit prove 1",
		} {
			_, stderr, code := invoke(t, append(strings.Fields(args), "--db", db.URL)...)
			if code != 6 || !strings.Contains(stderr, "not a database of this program: events must be tables and are not") {
				t.Errorf("%s: exit %d, %s", args, code, stderr)
			}
		}
	})
	t.Run("a virtual table", func(t *testing.T) {
		db := eventstoretest.SQLite(t)
		tampered(t, db, "DROP TABLE dead_letters", "CREATE VIRTUAL TABLE dead_letters USING fts5(x)")
		if _, stderr, code := invoke(t, "events", "dead-letters", "list", "--db", db.URL); code != 6 || !strings.Contains(stderr, "dead_letters must be tables") {
			t.Errorf("exit %d, %s", code, stderr)
		}
	})
	t.Run("a file that is none", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "x.db")
		if err := os.WriteFile(path, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, stderr, code := invoke(t, "events", "list", "--db", "sqlite:"+path); code != 6 {
			t.Errorf("exit %d, %s", code, stderr)
		}
	})
	t.Run("a view that is ours, replaced", func(t *testing.T) {
		db := eventstoretest.SQLite(t)
		tampered(t, db, "DROP VIEW live_instances",
			"CREATE VIEW live_instances AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n) SELECT x AS id, x AS started_at, x AS last_beat FROM n WHERE x < 0")
		if _, stderr, code := invoke(t, "db", "status", "--db", db.URL, "--timeout", "300ms"); code != 124 {
			t.Errorf("exit %d, %s", code, stderr)
		}
	})
}

// TestLockedDatabase: one that another program holds is given up on within
// seconds, saying so.
func TestLockedDatabase(t *testing.T) {
	db := eventstoretest.SQLite(t)
	tampered(t, db)
	raw, err := sql.Open("sqlite", strings.TrimPrefix(db.URL, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	raw.SetMaxOpenConns(1)
	for _, statement := range []string{"PRAGMA journal_mode = DELETE", "BEGIN EXCLUSIVE"} {
		if _, err := raw.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	_, stderr, code := invoke(t, "events", "list", "--db", db.URL)
	if code != 4 || !strings.Contains(stderr, "another program has it locked") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

// TestDefaultTimeout: a limit of a command's own holds until --timeout says
// something else.
func TestDefaultTimeout(t *testing.T) {
	longer := map[string]time.Duration{"": 30 * time.Second, "--timeout=0": 100 * time.Millisecond, "--timeout=1h": 100 * time.Millisecond}
	for given, want := range map[string]int{"": 124, "--timeout=0": 0, "--timeout=1h": 0} {
		cmd := &cobra.Command{Use: "x", SilenceErrors: true, SilenceUsage: true}
		cmd.Flags().String("color", "never", "")
		term.AddDataFlags(cmd)
		cmd.RunE = term.RunWithin(time.Millisecond, func(ctx context.Context, _ *cobra.Command, _ *term.Printer, _ []string) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(longer[given]):
				return nil
			}
		})
		cmd.SetArgs(strings.Fields(given))
		if got := exitCode(t.Context(), cmd.ExecuteContext(t.Context())); got != want {
			t.Errorf("%q: exit %d, want %d", given, got, want)
		}
	}
	if term.ReadTimeout > 5*time.Minute {
		t.Errorf("a limit of %s is none", term.ReadTimeout)
	}
}
