package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/feed"
)

// TestDatabaseRestartedUnderLoad restarts the server five times, in good order
// and by a crash, and kills its backends between, while eight writers append and
// a group consumes. What was acknowledged is there, once, and everything goes on
// by itself.
func TestDatabaseRestartedUnderLoad(t *testing.T) {
	eventstoretest.NeedsPostgres(t)
	cluster, err := eventstoretest.StartCluster("fsync=off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.End)
	s := eventstoretest.Database{Dialect: eventstore.Postgres, URL: cluster.URL}.Open(t)
	write(t, s, `CREATE TABLE effects (position bigint NOT NULL)`)
	events := feed.New(s)
	consume(t, events)
	load := begin(t, s)
	for round := range 5 {
		load.mustGoOn(t)
		killBackends(t, cluster.URL)
		load.mustGoOn(t)
		if err := cluster.Restart([]syscall.Signal{syscall.SIGINT, syscall.SIGQUIT}[round%2]); err != nil {
			t.Fatal(err)
		}
	}
	load.mustGoOn(t)
	load.end()
	head, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	assertGapFree(t, s, head)
	load.assertKept(t, s)
	assertOnce(t, events, head)
}

// consume lets a consumer group write one row for each event.
func consume(t *testing.T, events *feed.Feed) {
	t.Helper()
	reader, err := events.Subscriber(feed.Config{Group: "effects", Backoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond}, nil)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := reader.Subscribe(context.Background(), eventstore.Topic)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for m := range messages {
			tx, _ := eventstore.TxFrom(m.Context())
			batch, err := feed.Events(m)
			for i := 0; i < len(batch) && err == nil; i++ {
				_, err = tx.ExecContext(m.Context(), `INSERT INTO effects VALUES ($1)`, batch[i].Position)
			}
			if err != nil {
				m.Nack()
				continue
			}
			m.Ack()
		}
	}()
	t.Cleanup(func() {
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
}

// assertOnce checks that each event of the log had its effect once.
func assertOnce(t *testing.T, events *feed.Feed, head int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := events.WaitFor(ctx, "effects", head); err != nil {
		t.Fatal(err)
	}
	var rows, distinct, last int64
	err := events.Reader().QueryRowContext(ctx, `SELECT count(*), count(DISTINCT position), max(position) FROM effects`).Scan(&rows, &distinct, &last)
	if err != nil || rows != head || distinct != head || last != head {
		t.Errorf("%d events: %d effects of %d, the last %d: %v", head, rows, distinct, last, err)
	}
}

// killBackends ends every session of the server but its own.
func killBackends(t *testing.T, url string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	_, err = conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`)
	if err != nil {
		t.Fatal(err)
	}
}

// load is writers that go on whatever happens.
type load struct {
	end func()

	mu           sync.Mutex
	acknowledged []eventstore.Recorded
}

func begin(t *testing.T, s *eventstore.Store) *load {
	l := &load{}
	ctx, cancel := context.WithCancel(context.Background())
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for ctx.Err() == nil {
				recorded, err := s.Append(context.Background(), appendOf(0, started(uuid.New())))
				if err != nil && !errors.Is(err, eventstore.ErrUnavailable) {
					t.Errorf("got %v, want ErrUnavailable", err)
					return
				}
				l.mu.Lock()
				l.acknowledged = append(l.acknowledged, recorded...)
				l.mu.Unlock()
			}
		})
	}
	l.end = func() { cancel(); writers.Wait() }
	t.Cleanup(l.end)
	return l
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acknowledged)
}

func (l *load) mustGoOn(t *testing.T) {
	t.Helper()
	before := l.count()
	await(t, func() bool { return t.Failed() || l.count() > before+50 })
}

func (l *load) assertKept(t *testing.T, s *eventstore.Store) {
	t.Helper()
	all, err := s.Read(t.Context(), eventstore.Query{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range l.acknowledged {
		if all[r.Position-1].ID != r.ID {
			t.Fatalf("what was acknowledged at position %d is not there", r.Position)
		}
	}
	t.Logf("%d acknowledged, %d there", len(l.acknowledged), len(all))
}

// TestFileThatWentAwayIsNoticed: SQLite itself would go on acknowledging.
func TestFileThatWentAwayIsNoticed(t *testing.T) {
	for name, c := range map[string]struct {
		harm   func(path string) error
		advice string
		repair func(path string) error // nil: what is to be done cannot be done beneath it
	}{
		"moved":    {func(path string) error { return os.Rename(path, path+".old") }, "move it back", func(path string) error { return os.Rename(path+".old", path) }},
		"replaced": {replace, "move the old one back", func(path string) error { return os.Rename(path+".old", path) }},
		"deleted":  {os.Remove, fmt.Sprintf("copy it out of /proc/%d/fd", os.Getpid()), nil},
		"-wal":     {func(path string) error { return os.Remove(path + "-wal") }, "stop this process with SIGTERM", nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path, db := filepath.Join(dir, "test.db"), fileIn(dir)
			s := db.Open(t)
			appendRuns(t, s, 2)
			if err := c.harm(path); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second by what the appender remembers of the first
				_, err := s.Append(t.Context(), appendOf(0, started(uuid.New())))
				assertRefused(t, err, c.advice)
			}
			_ = readAtOnce(t, s) // those of connections that were open do not fail
			if info, err := os.Stat(path); err == nil && name == "moved" {
				t.Errorf("a reader made the file again: %d bytes", info.Size())
			}
			if c.repair == nil {
				copyDeleted(t, path)
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = db.Open(t)
			} else if err := c.repair(path); err != nil {
				t.Fatal(err)
			}
			appendRuns(t, s, 1)
			assertGapFree(t, s, 3)
			if failed := readAtOnce(t, s); failed > 0 {
				t.Errorf("%d reads failed when the file was back", failed)
			}
		})
	}
}

// readAtOnce reads so often at once that the store opens further connections, and counts
// the reads that failed.
func readAtOnce(t *testing.T, s *eventstore.Store) int64 {
	t.Helper()
	var failed atomic.Int64
	var readers sync.WaitGroup
	for range 64 {
		readers.Go(func() {
			if _, err := s.Read(t.Context(), eventstore.Query{}); err != nil {
				failed.Add(1)
			}
		})
	}
	readers.Wait()
	return failed.Load()
}

func replace(path string) error {
	return errors.Join(os.Rename(path, path+".old"), os.WriteFile(path, nil, 0o600))
}

// copyDeleted brings a file back that is open and was deleted, as the message
// says that it can be done.
func copyDeleted(t *testing.T, path string) {
	t.Helper()
	open, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range open {
		if to, err := os.Readlink(fd); err != nil || strings.TrimSuffix(to, " (deleted)") != path || to == path {
			continue
		}
		content, err := os.ReadFile(fd)
		if err == nil {
			err = os.WriteFile(path, content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
}
