package eventstore_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	_ "modernc.org/sqlite"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/instances"
)

func open(t testing.TB, url string) (*eventstore.Store, error) {
	t.Helper()
	s, err := eventstore.Open(t.Context(), eventstore.Config{URL: url})
	if err == nil {
		t.Cleanup(func() { _ = s.Close() })
	}
	return s, err
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "letter.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("Dear reader, this is not a database. ", 50)), 0o600); err != nil {
		t.Fatal(err)
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	closed.Close()
	cases := map[string]struct {
		url  string
		want error
	}{
		"a file of another kind":          {"sqlite:" + text, eventstore.ErrForeign},
		"a folder":                        {"sqlite:" + dir, eventstore.ErrUnavailable},
		"a folder that is not there":      {"sqlite:" + filepath.Join(dir, "missing", "a.db"), eventstore.ErrUnavailable},
		"no file":                         {"sqlite:", eventstore.ErrUnavailable},
		"another scheme":                  {"mysql://localhost", eventstore.ErrUnavailable},
		"a server that does not listen":   {"postgres://nobody:secret@" + address + "/x?sslmode=disable", eventstore.ErrUnavailable},
		"a URL that cannot be understood": {"postgres://nobody:secret@" + address + "/x?sslmode=perhaps", eventstore.ErrUnavailable},
	}
	for name, c := range cases {
		_, err := open(t, c.url)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error tells the password: %v", name, err)
		}
	}
}

func TestForeignDatabaseIsLeftAlone(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "other.db")
		other, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.Exec(`CREATE TABLE letters (body text)`); err != nil {
			t.Fatal(err)
		}
		other.Close()
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := open(t, "sqlite:"+path); !errors.Is(err, eventstore.ErrForeign) {
			t.Errorf("got %v, want ErrForeign", err)
		}
		if after, _ := os.ReadFile(path); string(after) != string(before) {
			t.Error("the file was changed")
		}
	})
	t.Run("postgres", func(t *testing.T) {
		db := eventstoretest.Postgres(t)
		s, err := open(t, db.URL)
		if err != nil {
			t.Fatal(err)
		}
		write(t, s, `CREATE TABLE letters (body text)`)
		if _, err := open(t, db.URL); !errors.Is(err, eventstore.ErrForeign) {
			t.Errorf("got %v, want ErrForeign", err)
		}
	})
}

func TestMigrate(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s, err := open(t, db.URL)
		if err != nil {
			t.Fatal(err)
		}
		current, latest, err := s.Migrated(t.Context())
		if current != 0 || latest == 0 || err != nil {
			t.Fatalf("before: %d of %d, %v", current, latest, err)
		}
		done := make(chan error)
		for range 2 { // as two instances that start together
			other, err := open(t, db.URL)
			if err != nil {
				t.Fatal(err)
			}
			go func() { done <- other.Migrate(context.Background()) }()
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Errorf("migrate: %v", err)
			}
		}
		if current, latest, err = s.Migrated(t.Context()); current != latest || err != nil {
			t.Errorf("after: %d of %d, %v", current, latest, err)
		}
	})
}

func TestMigrateRefusesANewerSchema(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		write(t, s, map[eventstore.Dialect]string{
			eventstore.SQLite:   `INSERT INTO scrapelog_migrations (version_id, is_applied) VALUES (999, 1)`,
			eventstore.Postgres: `INSERT INTO scrapelog_migrations (version_id, is_applied) VALUES (999, true)`,
		}[db.Dialect])
		if err := s.Migrate(t.Context()); !errors.Is(err, eventstore.ErrForeign) {
			t.Errorf("got %v, want ErrForeign", err)
		}
	})
}

func TestReaderCannotWrite(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		if _, err := s.Reader().ExecContext(t.Context(), `DELETE FROM instances`); err == nil {
			t.Error("the read pool wrote")
		}
	})
}

func TestReadOnlyBesideAWriter(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		appendRuns(t, s, 1)
		reader, err := eventstore.Open(t.Context(), eventstore.Config{URL: db.URL, ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		if head, err := reader.Head(t.Context()); head != 1 || err != nil {
			t.Errorf("head is %d, %v; want 1", head, err)
		}
		if _, err := reader.Append(t.Context(), appendOf(0, started(uuid.New()))); !errors.Is(err, eventstore.ErrUnavailable) {
			t.Errorf("append: got %v, want ErrUnavailable", err)
		}
		if err := reader.Migrate(t.Context()); !errors.Is(err, eventstore.ErrUnavailable) {
			t.Errorf("migrate: got %v, want ErrUnavailable", err)
		}
	})
}

func TestReadOnlyMakesNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.db")
	if _, err := eventstore.Open(t.Context(), eventstore.Config{URL: "sqlite:" + path, ReadOnly: true}); !errors.Is(err, eventstore.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("stat: %v, want no file", err)
	}
}

func TestSQLiteFilesAreOurs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b#c?d%20.db") // as odd as a path may be
	s := eventstoretest.Database{Dialect: eventstore.SQLite, URL: "sqlite:" + path}.Open(t)
	appendRuns(t, s, 1)
	if _, err := instances.New(s).Acquire(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm", "-lock"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Error(err)
			continue
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s is %o, want 600", info.Name(), info.Mode().Perm())
		}
	}
}

func TestSQLiteKeepsWhatItAcknowledges(t *testing.T) {
	s := eventstoretest.SQLite(t).Open(t)
	err := s.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		var journal string
		var synchronous, busy int
		err := tx.QueryRowContext(ctx, `SELECT journal_mode, synchronous, timeout FROM pragma_journal_mode, pragma_synchronous, pragma_busy_timeout`).
			Scan(&journal, &synchronous, &busy)
		if journal != "wal" || synchronous != 2 || busy != 5000 {
			t.Errorf("journal_mode %s, synchronous %d, busy_timeout %d; want wal, 2, 5000", journal, synchronous, busy)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPostgresSessionSettings(t *testing.T) {
	s := eventstoretest.Postgres(t).Open(t)
	want := map[string]string{
		"idle_in_transaction_session_timeout": "15s", "lock_timeout": "5s", "synchronous_commit": "on",
		"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3",
		"default_transaction_isolation": "read committed", "jit": "off",
	}
	for name, value := range want {
		var got string
		if err := s.Reader().QueryRowContext(t.Context(), `SELECT current_setting($1)`, name).Scan(&got); err != nil || got != value {
			t.Errorf("%s is %s, %v; want %s", name, got, err, value)
		}
	}
}
