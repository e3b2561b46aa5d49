package instances_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/pressly/goose/v3"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/instances"
)

func acquire(t testing.TB, s *instances.Registry, id string) *instances.Instance {
	t.Helper()
	i, err := s.Acquire(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.Release(context.Background()) })
	return i
}

func live(t testing.TB, s *instances.Registry) (ids []string) {
	t.Helper()
	rows, err := s.Live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		ids = append(ids, fmt.Sprintf("%s:%d", r.ID, r.OpenRuns))
	}
	return ids
}

func dead(t testing.TB, s *instances.Registry) []string {
	t.Helper()
	ids, err := s.Dead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func assertIDs(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// silence makes an instance look as if it had not beaten for that long.
func silence(t testing.TB, s *instances.Registry, id string, seconds int) {
	t.Helper()
	write(t, s, fmt.Sprintf(`UPDATE instances SET last_beat = last_beat - %d000000 WHERE id = '%s'`, seconds, id))
}

func TestInstanceLives(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := instances.New(db.Open(t))
		one := acquire(t, s, "one")
		mustAppend(t, s, appendOf(0, started(uuid.New())))
		assertIDs(t, "live", live(t, s), "one:1")
		assertIDs(t, "dead", dead(t, s))
		if err := one.Beat(t.Context()); err != nil {
			t.Errorf("beat: %v", err)
		}
		if err := s.MarkDead(t.Context(), "one"); !errors.Is(err, domain.ErrConflict) {
			t.Errorf("mark dead: got %v, want ErrConflict: it is alive", err)
		}
		if err := one.Release(t.Context()); err != nil {
			t.Errorf("release: %v", err)
		}
		assertIDs(t, "live after the release", live(t, s))
		assertIDs(t, "dead, for its open run", dead(t, s), "one")
	})
}

func TestInstanceThatWasMarkedDeadIsTold(t *testing.T) {
	s := instances.New(eventstoretest.Postgres(t).Open(t))
	one := acquire(t, s, "one")
	acquire(t, s, "two")
	mustAppend(t, s, appendOf(0, started(uuid.New())))
	silence(t, s, "one", 11)
	assertIDs(t, "live", live(t, s), "two:0")
	assertIDs(t, "dead", dead(t, s), "one")
	if err := s.MarkDead(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	if err := one.Beat(t.Context()); !errors.Is(err, instances.ErrMarkedDead) {
		t.Errorf("beat: got %v, want ErrMarkedDead", err)
	}
	assertIDs(t, "dead, while its run is open", dead(t, s), "one")
}

func TestDeathByTheRule(t *testing.T) {
	db := eventstoretest.Postgres(t)
	s, other := instances.New(db.Open(t)), instances.New(db.Open(t))
	one, err := other.Acquire(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	silence(t, s, "one", 5)
	assertIDs(t, "silent for 5 s with its lock", live(t, s), "one:0")
	// As when its process is killed: the session goes, the row stays.
	write(t, s, `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = 1935897196`)
	await(t, func() bool { return len(live(t, s)) == 0 })
	assertIDs(t, "silent for 5 s without its lock", dead(t, s), "one")
	silence(t, s, "one", -10)
	assertIDs(t, "with a beat from 5 s ahead, by a clock that was set back", dead(t, s), "one")
	silence(t, s, "one", 10)
	if err := one.Beat(t.Context()); err == nil || errors.Is(err, instances.ErrMarkedDead) {
		t.Errorf("beat on a lost session: %v", err)
	}
	if err := one.Beat(t.Context()); err != nil {
		t.Errorf("beat on a new session: %v", err)
	}
	assertIDs(t, "back", live(t, s), "one:0")
	if err := one.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

// Who starts when the database has just come back finds everybody silent.
func TestWhoIsSurelyDead(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := instances.New(db.Open(t))
		surely := func() []string {
			t.Helper()
			ids, err := s.SurelyDead(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return ids
		}
		acquire(t, s, "one") // the follower of the open run
		mustAppend(t, s, appendOf(0, started(uuid.New())))
		write(t, s, `INSERT INTO instances (id, last_beat, started_at) SELECT 'silent', last_beat - 60000000, last_beat - 90000000 FROM instances`)
		write(t, s, `INSERT INTO instances (id, last_beat, started_at) SELECT 'too', last_beat - 59000000, last_beat - 90000000 FROM instances WHERE id = 'one'`)
		if db.Dialect == eventstore.SQLite {
			assertIDs(t, "on SQLite, where the newest has the lock", surely(), "one", "silent")
			return
		}
		assertIDs(t, "when all fell silent together", surely())
		write(t, s, `UPDATE instances SET last_beat = last_beat + 30000000 WHERE id = 'too'`)
		assertIDs(t, "when another was heard of half a minute ago", surely(), "silent")
		write(t, s, `DELETE FROM instances WHERE id = 'one'`)
		assertIDs(t, "with an open run of one that nobody knows", surely(), "one", "silent")
	})
}

// TestLostLocksComeLast: a run that is given to a process which was just killed
// waits until that is taken for dead.
func TestLostLocksComeLast(t *testing.T) {
	db := eventstoretest.Postgres(t)
	s, other := instances.New(db.Open(t)), instances.New(db.Open(t))
	acquire(t, other, "killed")
	write(t, s, `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = 1935897196`)
	acquire(t, s, "one") // the follower of the open run
	mustAppend(t, s, appendOf(0, started(uuid.New())))
	await(t, func() bool { return slices.Equal(live(t, s), []string{"one:1", "killed:0"}) })
}

func TestNewInstanceOfAFileFindsTheOthersDead(t *testing.T) {
	db := eventstoretest.SQLite(t)
	s := instances.New(db.Open(t))
	// As when its process is killed: the lock goes, the row stays.
	write(t, s, `INSERT INTO instances (id) VALUES ('one')`)
	mustAppend(t, s, appendOf(0, started(uuid.New())))
	acquire(t, s, "two")
	assertIDs(t, "dead at once", dead(t, s), "one")
	err := s.InTx(t.Context(), func(ctx context.Context, _ *sql.Tx) error { return s.MarkDead(ctx, "one") })
	if err != nil {
		t.Fatal(err)
	}
	assertIDs(t, "live", live(t, s), "two:0")
}

// holder is the variable that makes this test binary another process that holds
// the file it names.
const holder = "SCRAPELOG_TEST_HOLD"

func TestSecondProcessIsHeldOff(t *testing.T) {
	if url := os.Getenv(holder); url != "" {
		s, err := eventstore.Open(context.Background(), eventstore.Config{URL: url})
		if err == nil {
			_, err = instances.New(s).Acquire(context.Background(), "first")
		}
		fmt.Println(err)
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // until our parent is done or gone
		os.Exit(0)
	}
	path := filepath.Join(t.TempDir(), "a.db")
	eventstoretest.Database{Dialect: eventstore.SQLite, URL: "sqlite:" + path}.Open(t)
	other := exec.Command(os.Args[0], "-test.run=^TestSecondProcessIsHeldOff$")
	other.Env = append(os.Environ(), holder+"=sqlite:"+path)
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if said, err := bufio.NewReader(out).ReadString('\n'); said != "<nil>\n" {
		t.Fatalf("the first process says %q, %v", said, err)
	}
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	s := instances.New(eventstoretest.Database{Dialect: eventstore.SQLite, URL: "sqlite:" + link}.Open(t))
	if _, err := s.Acquire(t.Context(), "second"); !errors.Is(err, eventstore.ErrHeld) {
		t.Errorf("got %v, want ErrHeld", err)
	}
	in.Close()
	if err := other.Wait(); err != nil {
		t.Error(err)
	}
	acquire(t, s, "second")
}

// Maintenance and instances keep each other out, and one maintenance another.
func TestMaintenanceIsAlone(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s, other := instances.New(db.Open(t)), instances.New(db.Open(t))
		mustMaintain := func() (release func()) {
			t.Helper()
			release, err := s.Maintain(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return release
		}
		release := mustMaintain()
		if _, err := other.Maintain(t.Context()); !errors.Is(err, eventstore.ErrHeld) {
			t.Errorf("a second maintenance: got %v, want ErrHeld", err)
		}
		if _, err := other.Acquire(t.Context(), "one"); !errors.Is(err, eventstore.ErrHeld) {
			t.Errorf("an instance that starts: got %v, want ErrHeld", err)
		}
		release()
		one := acquire(t, other, "one")
		if _, err := s.Maintain(t.Context()); !errors.Is(err, eventstore.ErrHeld) {
			t.Errorf("beside an instance: got %v, want ErrHeld", err)
		}
		if err := one.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustMaintain()()
	})
}

// A database that an older program has made is maintained before it is migrated.
func TestMaintenanceOfAnOlderSchema(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		first, err := fs.Sub(os.DirFS("../migrations"), string(db.Dialect))
		if err != nil {
			t.Fatal(err)
		}
		driver, dialect, dsn := "sqlite", goose.DialectSQLite3, strings.TrimPrefix(db.URL, "sqlite:")
		if db.Dialect == eventstore.Postgres {
			driver, dialect, dsn = "pgx", goose.DialectPostgres, db.URL
		}
		pool, err := sql.Open(driver, dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		older, err := goose.NewProvider(dialect, pool, first, goose.WithTableName("scrapelog_migrations"), goose.WithDisableGlobalRegistry(true))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := older.UpTo(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		log, err := eventstore.Open(t.Context(), eventstore.Config{URL: db.URL})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = log.Close() })
		s := instances.New(log)
		release, err := s.Maintain(t.Context())
		if err != nil {
			t.Fatalf("maintain: %v", err)
		}
		defer release()
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatalf("migrate: %v", err)
		}
		if current, latest, err := s.Migrated(t.Context()); current != latest || err != nil {
			t.Errorf("%d of %d, %v", current, latest, err)
		}
	})
}

// Who is about to stop, or has lost its lock, lives and is given no more runs.
func TestWhoTakesRuns(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s, other := instances.New(db.Open(t)), instances.New(db.Open(t))
		one := acquire(t, other, "one")
		takes := func(want bool) bool {
			rows, err := s.Live(t.Context())
			if err != nil || len(rows) != 1 {
				t.Fatalf("live: %v, %v", rows, err)
			}
			return rows[0].TakesRuns == want
		}
		if !takes(true) {
			t.Error("an instance that serves is given no runs")
		}
		if db.Dialect == eventstore.Postgres {
			write(t, s, `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = 1935897196`)
			await(t, func() bool { return takes(false) })
			await(t, func() bool { return one.Beat(t.Context()) == nil }) // on a new session
			await(t, func() bool { return takes(true) })
		}
		if err := one.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !takes(false) {
			t.Error("an instance that is about to stop is given runs")
		}
	})
}

// An instance whose session was cut goes on following its runs.
func TestMaintenanceWaitsForAnInstanceToBeForgotten(t *testing.T) {
	db := eventstoretest.Postgres(t)
	s, other := instances.New(db.Open(t)), instances.New(db.Open(t))
	acquire(t, other, "one")
	write(t, s, `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = 1935897196`)
	_, err := s.Maintain(t.Context())
	if !errors.Is(err, eventstore.ErrHeld) || !strings.Contains(err.Error(), "instance one") {
		t.Errorf("got %v, want ErrHeld by instance one", err)
	}
	silence(t, s, "one", 11)
	await(t, func() bool {
		release, err := s.Maintain(t.Context())
		if err == nil {
			release()
		}
		return err == nil
	})
}

func TestInstanceMigrates(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		log, err := eventstore.Open(t.Context(), eventstore.Config{URL: db.URL})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = log.Close() })
		s := instances.New(log)
		one, err := s.Acquire(t.Context(), "one")
		if err != nil {
			t.Fatal(err)
		}
		if current, latest, err := s.Migrated(t.Context()); current != latest || err != nil {
			t.Errorf("%d of %d, %v", current, latest, err)
		}
		if err := one.Release(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
