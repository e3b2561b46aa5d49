package eventstore_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

// neighbourVariable makes this program a process that appends all the time to the
// database it names, until it is killed.
const neighbourVariable = "SCRAPELOG_TEST_NEIGHBOUR"

// beNeighbour appends in both ways: by itself, and in transactions of several
// statements as the saga has them.
func beNeighbour(url string) int {
	ctx := context.Background()
	s, err := eventstore.Open(ctx, eventstore.Config{URL: url})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var writers sync.WaitGroup
	for range 2 {
		writers.Go(func() {
			for {
				if _, err := s.Append(ctx, appendOf(0, started(uuid.New()))); err != nil {
					fmt.Fprintln(os.Stderr, "neighbour:", err)
				}
			}
		})
	}
	writers.Go(func() {
		for {
			_ = s.InTx(ctx, func(ctx context.Context, _ *sql.Tx) error { // one that was stopped is rolled back
				for range 3 {
					if _, err := s.Append(ctx, appendOf(0, started(uuid.New()))); err != nil {
						return err
					}
				}
				return nil
			})
		}
	})
	fmt.Println("writing")
	writers.Wait()
	return 0
}

// TestFrozenNeighbour stops a process that appends at 45 random instants. Beside it
// no write waits longer than two seconds, and none is refused; nor is one of the
// stopped process that comes by itself.
func TestFrozenNeighbour(t *testing.T) {
	const neighbours, stops, writes = 5, 9, 20
	for n := range neighbours {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			db := eventstoretest.Postgres(t)
			s := db.Open(t)
			neighbour := startNeighbour(t, db.URL)
			held := 0
			for range stops {
				time.Sleep(time.Duration(rand.IntN(30_000)) * time.Microsecond) // a random instant
				signalTo(t, neighbour, syscall.SIGSTOP)
				var longest time.Duration
				for range writes {
					began := time.Now()
					if _, err := s.Append(t.Context(), appendOf(0, started(uuid.New()))); err != nil {
						t.Fatalf("a write was refused: %v", err)
					}
					longest = max(longest, time.Since(began))
				}
				signalTo(t, neighbour, syscall.SIGCONT)
				if longest > 2*time.Second {
					t.Errorf("a write waited for %s", longest)
				}
				if longest > 500*time.Millisecond {
					held++
				}
			}
			t.Logf("of %d stops %d had the log's lock", stops, held)
			head, err := s.Head(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			await(t, func() bool { // it goes on
				now, err := s.Head(t.Context())
				return err == nil && now > head
			})
		})
	}
}

func startNeighbour(t *testing.T, url string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), neighbourVariable+"="+url)
	errs := &lines{}
	cmd.Stderr = errs
	out, err := cmd.StdoutPipe()
	if err := errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if said := errs.String(); said != "" {
			t.Errorf("the neighbour says\n%s", said)
		}
	})
	if !bufio.NewScanner(out).Scan() {
		t.Fatal("the neighbour does not write")
	}
	return cmd
}

func signalTo(t *testing.T, cmd *exec.Cmd, signal os.Signal) {
	t.Helper()
	if err := cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// lines is what a process has printed.
type lines struct {
	mu   sync.Mutex
	text []byte
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	return len(p), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}
