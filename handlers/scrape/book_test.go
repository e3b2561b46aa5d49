package scrape

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/instances"
	"scrapelog/handlers/dial"
)

// book is a log and a scraper in one: what the supervisor reads, what it
// recorded, and what it POSTed.
type book struct {
	mu       sync.Mutex
	runs     map[uuid.UUID]domain.Run
	open     []uuid.UUID
	refuse   error // what Handle answers
	unloaded error // what LoadRun answers
	cfg      dial.Target
	noConfig error
	tokens   chan struct{}

	posted   chan dial.Order
	left     chan uuid.UUID // a POST's handler has seen its client go
	handled  chan domain.RunCommand
	attempts chan error
	finish   chan struct{} // closed: every stream completes
	pulls    atomic.Int64
	lagging  bool // ended runs stay in the list: it was read before they ended
}

const self = "instance-1"

// newBook starts a scraper whose streams stay open until finish is closed, and a
// supervisor over a log that is still empty.
func newBook(t *testing.T) (*book, *Supervisor) {
	t.Helper()
	b := &book{
		runs: map[uuid.UUID]domain.Run{}, tokens: make(chan struct{}, 1), posted: make(chan dial.Order, 100),
		left: make(chan uuid.UUID, 100), handled: make(chan domain.RunCommand, 100), attempts: make(chan error, 10_000),
		finish: make(chan struct{}),
	}
	server := httptest.NewServer(http.HandlerFunc(b.scrape))
	t.Cleanup(server.Close)
	b.cfg = testConfig()
	b.cfg.URL = server.URL
	b.cfg.IdleTimeout = domain.Duration(time.Minute)
	return b, &Supervisor{
		Leave:    func(context.Context) {},
		Instance: self, OpenRuns: b.openRuns, LoadRun: b.loadRun, Config: b.config, Handle: b.handle,
		Wake:          func() (<-chan struct{}, func()) { return b.tokens, func() {} },
		ShutdownGrace: 50 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	}
}

func (b *book) scrape(w http.ResponseWriter, r *http.Request) {
	var asked dial.Order
	if json.NewDecoder(r.Body).Decode(&asked) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = io.WriteString(w, progress)
	_ = http.NewResponseController(w).Flush()
	b.posted <- asked
	select {
	case <-r.Context().Done():
		b.left <- asked.RunID
	case <-b.finish:
		_, _ = io.WriteString(w, completed)
	}
}

// start commits a run and wakes the supervisor.
func (b *book) start(change ...func(*domain.Run)) uuid.UUID {
	run := domain.Run{ID: uuid.Must(uuid.NewV7()), Scraper: "shop", Instance: self, Status: domain.StatusRunning, Trigger: domain.TriggerManual}
	for _, f := range change {
		f(&run)
	}
	b.mu.Lock()
	b.runs[run.ID], b.open = run, append(b.open, run.ID)
	b.mu.Unlock()
	b.wake()
	return run.ID
}

// close commits a run's end from elsewhere.
func (b *book) close(id uuid.UUID) {
	b.mu.Lock()
	b.open = slices.DeleteFunc(b.open, func(open uuid.UUID) bool { return open == id })
	b.mu.Unlock()
	b.wake()
}

func (b *book) wake() {
	select {
	case b.tokens <- struct{}{}:
	default:
	}
}

func (b *book) set(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

func (b *book) openRuns(_ context.Context, instance string) ([]uuid.UUID, error) {
	defer b.pulls.Add(1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if instance != self {
		return nil, nil
	}
	return slices.Clone(b.open), nil
}

func (b *book) loadRun(_ context.Context, id uuid.UUID) (domain.Run, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.runs[id], b.unloaded
}

func (b *book) config(context.Context, string) (dial.Target, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cfg, b.noConfig
}

func (b *book) handle(_ context.Context, c domain.Command, by domain.Origin) ([]eventstore.Recorded, error) {
	b.mu.Lock()
	err := b.refuse
	b.mu.Unlock()
	b.attempts <- err
	if err != nil {
		return nil, err
	}
	if by.Actor != actor || by.At.IsZero() {
		return nil, errors.New("not reported by the supervisor, or without a time")
	}
	run := c.(domain.RunCommand)
	if !b.lagging {
		b.close(run.Run())
	}
	b.handled <- run
	return nil, nil
}

// pulled waits for two pulls: the second one began after now.
func (b *book) pulled(t *testing.T) {
	t.Helper()
	before := b.pulls.Load()
	until(t, "two pulls", func() bool {
		b.wake()
		return b.pulls.Load() >= before+2
	})
}

// running starts the supervisor; stop ends it and waits for it.
func running(t *testing.T, s *Supervisor) (stop func(cause error)) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	stop = func(cause error) {
		cancel(cause)
		<-done
	}
	t.Cleanup(func() { stop(instances.ErrMarkedDead) })
	return stop
}

// next takes one from a channel, within a deadline.
func next[T any](t *testing.T, what string, from <-chan T) (one T) {
	t.Helper()
	select {
	case one = <-from:
	case <-time.After(30 * time.Second):
		t.Fatalf("no %s", what)
	}
	return one
}

// none fails if a channel holds anything.
func none[T any](t *testing.T, what string, from <-chan T) {
	t.Helper()
	select {
	case one := <-from:
		t.Errorf("unwanted %s: %+v", what, one)
	default:
	}
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
		runtime.Gosched()
	}
}
