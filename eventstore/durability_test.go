package eventstore_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

func fileIn(dir string) eventstoretest.Database {
	return eventstoretest.Database{Dialect: eventstore.SQLite, URL: "sqlite:" + filepath.Join(dir, "test.db")}
}

// fillDisk leaves no room in a folder; what it returns makes room again.
func fillDisk(t *testing.T, dir string) (free func()) {
	t.Helper()
	ballast := filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{64 << 10, 4 << 10, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
	_ = f.Close()
	return func() {
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
}

// appendUntilRefused returns how many appends were acknowledged, and the refusal.
func appendUntilRefused(t *testing.T, s *eventstore.Store) (acknowledged int64, refusal error) {
	t.Helper()
	for range 20_000 {
		if _, err := s.Append(t.Context(), appendOf(0, started(uuid.New()))); err != nil {
			return acknowledged, err
		}
		acknowledged++
	}
	t.Fatal("nothing was refused")
	return 0, nil
}

func assertRefused(t *testing.T, err error, advice string) {
	t.Helper()
	if !errors.Is(err, eventstore.ErrUnavailable) || !strings.Contains(err.Error(), advice) {
		t.Errorf("got %v, want ErrUnavailable and %q", err, advice)
	}
}

// onFullDisk is a log of three events on a disk that is full, or soon will be.
func onFullDisk(t *testing.T, db eventstoretest.Database, dir string, mounted bool) (s *eventstore.Store, free func()) {
	t.Helper()
	remote := os.Getenv("SCRAPELOG_TEST_POSTGRES") != "" // its disks are not ours
	switch {
	case mounted && db.Dialect == eventstore.SQLite:
		s = fileIn(dir).Open(t)
	case mounted && !remote:
		s = db.Open(t)
		moveEvents(t, db.URL, dir)
	default:
		s = db.Open(t)
		appendRuns(t, s, 3)
		return s, refuseGrowth(t, s)
	}
	appendRuns(t, s, 3)
	return s, fillDisk(t, dir)
}

// refuseGrowth is for where no disk can be made: the log may not grow, as if its
// disk were full.
func refuseGrowth(t *testing.T, s *eventstore.Store) (free func()) {
	t.Helper()
	if s.Dialect() == eventstore.SQLite {
		write(t, s, `PRAGMA max_page_count = 1`) // SQLite takes what is in use for the least
		return func() { write(t, s, `PRAGMA max_page_count = 1000000`) }
	}
	write(t, s, `CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'full' USING ERRCODE = 'disk_full'; END $$`)
	write(t, s, `CREATE TRIGGER no_room BEFORE INSERT ON events EXECUTE FUNCTION no_room()`)
	return func() { write(t, s, `DROP TRIGGER no_room ON events`) }
}

// moveEvents puts the table on a disk of its own.
func moveEvents(t *testing.T, url, dir string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	run := func(statement string) {
		if _, err := conn.Exec(context.Background(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	for _, to := range []string{dir, filepath.Dir(dir)} { // the server is not root
		if err := os.Chmod(to, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	name := "small_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	place := filepath.Join(dir, name)
	run(`COPY (SELECT 1) TO PROGRAM 'mkdir "` + place + `"'`) // it must be the server's own
	run(`CREATE TABLESPACE ` + name + ` LOCATION '` + place + `'`)
	run(`ALTER TABLE events SET TABLESPACE ` + name)
	t.Cleanup(func() {
		run(`ALTER TABLE events SET TABLESPACE pg_default`)
		run(`DROP TABLESPACE ` + name)
		_ = conn.Close(context.Background())
	})
}

// Another program that holds SQLite's own lock delays what is appended no longer
// than busy_timeout, and loses nothing.
func TestLockHeldByAnotherProgram(t *testing.T) {
	db := eventstoretest.SQLite(t)
	s := db.Open(t)
	appendRuns(t, s, 1)
	write(t, s, `PRAGMA busy_timeout = 200`)
	other, err := sql.Open("sqlite", strings.TrimPrefix(db.URL, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	conn, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	_, err = s.Append(t.Context(), appendOf(0, started(uuid.New())))
	assertRefused(t, err, "another program has it locked")
	if _, err := conn.ExecContext(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	appendRuns(t, s, 1)
	assertGapFree(t, s, 2)
}

// Whoever locks the table keeps appends waiting for lock_timeout.
func TestTableLockedByAnotherSession(t *testing.T) {
	db := eventstoretest.Postgres(t)
	db.URL += "&lock_timeout=200ms"
	s := db.Open(t)
	appendRuns(t, s, 1)
	other := db.Open(t)
	err := other.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `LOCK TABLE events IN EXCLUSIVE MODE`); err != nil {
			return err
		}
		_, err := s.Append(t.Context(), appendOf(0, started(uuid.New())))
		assertRefused(t, err, "another session has it locked")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	appendRuns(t, s, 1)
	assertGapFree(t, s, 2)
}

func TestServerThatTakesNoWrites(t *testing.T) {
	s := eventstoretest.Postgres(t).Open(t)
	appendRuns(t, s, 1)
	err := s.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `SET LOCAL transaction_read_only = on`); err != nil {
			return err
		}
		_, err := s.Append(ctx, appendOf(0, domain.ScraperPaused{AboutScraper: domain.AboutScraper{Scraper: "shop", At: at}}))
		return err
	})
	assertRefused(t, err, "takes no writes")
	appendRuns(t, s, 1)
	assertGapFree(t, s, 2)
}
