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
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// book is a log and a scraper in one: what the supervisor reads, what it
// recorded, and what it POSTed.
type book struct {
	mu       sync.Mutex
	runs     map[uuid.UUID]domain.Run
	open     []uuid.UUID
	refuse   error // what Handle answers
	unloaded error // what LoadRun answers
	cfg      domain.ScraperConfig
	noConfig error
	tokens   chan struct{}

	posted   chan body
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
		runs: map[uuid.UUID]domain.Run{}, tokens: make(chan struct{}, 1), posted: make(chan body, 100),
		left: make(chan uuid.UUID, 100), handled: make(chan domain.RunCommand, 100), attempts: make(chan error, 10_000),
		finish: make(chan struct{}),
	}
	server := httptest.NewServer(http.HandlerFunc(b.scrape))
	t.Cleanup(server.Close)
	b.cfg = testConfig()
	b.cfg.URL = server.URL
	b.cfg.IdleTimeout = domain.Duration(time.Minute)
	return b, &Supervisor{
		Instance: self, OpenRuns: b.openRuns, LoadRun: b.loadRun, Config: b.config, Handle: b.handle,
		Wake:          func() (<-chan struct{}, func()) { return b.tokens, func() {} },
		ShutdownGrace: 50 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	}
}

func (b *book) scrape(w http.ResponseWriter, r *http.Request) {
	var asked body
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

func (b *book) config(context.Context, string) (domain.ScraperConfig, error) {
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
	if by.Actor != actor {
		return nil, errors.New("not reported by the supervisor")
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
	t.Cleanup(func() { stop(ErrDisowned) })
	return stop
}

// next takes one from a channel, within a deadline.
func next[T any](t *testing.T, what string, from <-chan T) (one T) {
	t.Helper()
	select {
	case one = <-from:
	case <-time.After(10 * time.Second):
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
	deadline := time.Now().Add(10 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 10 s", what)
		}
		runtime.Gosched()
	}
}

func TestEachOpenRunIsPostedOnce(t *testing.T) {
	b, s := newBook(t)
	b.lagging = true
	before := b.start()
	running(t, s)
	ids := []uuid.UUID{before, b.start(), b.start(func(r *domain.Run) { r.Params = json.RawMessage(`{"depth":9}`) })}
	var posted []uuid.UUID
	for range ids {
		posted = append(posted, next(t, "POST", b.posted).RunID)
	}
	for _, id := range ids {
		if !slices.Contains(posted, id) {
			t.Errorf("run %s was not POSTed", id)
		}
	}
	b.pulled(t)
	close(b.finish)
	for range ids {
		if c, is := next(t, "end", b.handled).(domain.ReportCompleted); !is || c.Items != 7 || c.At.IsZero() {
			t.Errorf("recorded %+v", c)
		}
	}
	rest := func() bool { open, _ := s.open(); return open == 0 }
	until(t, "rest", rest)
	b.pulled(t) // lists that still have them
	b.pulled(t)
	until(t, "rest", rest)
	for _, id := range ids {
		b.close(id)
	}
	until(t, "empty hands", func() bool {
		b.wake()
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.holds) == 0
	})
	none(t, "second POST", b.posted)
	none(t, "second end", b.handled)
}

func TestARunThatEndedOtherwiseLosesItsStream(t *testing.T) {
	b, s := newBook(t)
	running(t, s)
	id := b.start()
	next(t, "POST", b.posted)
	b.close(id)
	if left := next(t, "hang-up", b.left); left != id {
		t.Errorf("hung up on %s", left)
	}
	until(t, "rest", func() bool { open, _ := s.open(); return open == 0 })
	none(t, "end", b.handled)
}

func TestAStopWaitsAndRecordsTheRest(t *testing.T) {
	b, s := newBook(t)
	s.ShutdownGrace = 200 * time.Millisecond
	stop := running(t, s)
	id := b.start()
	next(t, "POST", b.posted)
	began := time.Now()
	stop(context.Canceled)
	if took := time.Since(began); took < s.ShutdownGrace {
		t.Errorf("stopped after %s", took)
	}
	c, is := next(t, "end", b.handled).(domain.ReportConnectionLost)
	if !is || c.RunID != id || c.Cause != domain.CauseInstanceStop || c.Phase != "" || c.Received.Events != 1 || c.LastHeardAt.IsZero() {
		t.Errorf("recorded %+v", c)
	}
	if left := next(t, "hang-up", b.left); left != id {
		t.Errorf("hung up on %s", left)
	}
}

func TestAStopLetsRunsEndAndTakesNoNewOnes(t *testing.T) {
	b, s := newBook(t)
	s.ShutdownGrace = time.Hour
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	running := b.start()
	next(t, "POST", b.posted)
	cancel()
	b.pulled(t)
	late := b.start()
	if c, is := next(t, "end", b.handled).(domain.ReportConnectionLost); !is || c.RunID != late || c.Cause != domain.CauseInstanceStop {
		t.Errorf("the late run is recorded as %+v", c)
	}
	close(b.finish)
	if c, is := next(t, "end", b.handled).(domain.ReportCompleted); !is || c.RunID != running {
		t.Errorf("the running run is recorded as %+v", c)
	}
	if err := next(t, "return", done); err != nil {
		t.Errorf("Run: %v", err)
	}
	none(t, "POST", b.posted)
}

func TestADisownedInstanceDropsEverythingAtOnce(t *testing.T) {
	b, s := newBook(t)
	s.ShutdownGrace = time.Hour
	stop := running(t, s)
	b.start()
	next(t, "POST", b.posted)
	stop(ErrDisowned)
	next(t, "hang-up", b.left)
	none(t, "end", b.handled)
}

func TestAnEndIsKeptUntilTheLogTakesIt(t *testing.T) {
	b, s := newBook(t)
	running(t, s)
	b.set(func() { b.refuse = errors.New("disk full") })
	id := b.start()
	next(t, "POST", b.posted)
	close(b.finish)
	for range 4 {
		next(t, "attempt", b.attempts)
	}
	if n := s.Unrecorded(); n != 1 {
		t.Errorf("%d ends unrecorded, want 1", n)
	}
	b.set(func() { b.refuse = nil })
	if c, is := next(t, "end", b.handled).(domain.ReportCompleted); !is || c.RunID != id {
		t.Errorf("recorded %+v", c)
	}
	until(t, "nothing unrecorded", func() bool { return s.Unrecorded() == 0 })
}

func TestARefusalSettlesAnEnd(t *testing.T) {
	for _, refusal := range []error{domain.ErrFinished, domain.ErrNotFound, domain.ErrInvalid} {
		b, s := newBook(t)
		running(t, s)
		b.set(func() { b.refuse = refusal })
		b.start()
		next(t, "POST", b.posted)
		close(b.finish)
		next(t, "attempt", b.attempts)
		until(t, "rest", func() bool { open, _ := s.open(); return open == 0 })
		b.pulled(t)
		none(t, "attempt", b.attempts)
		if n := s.Unrecorded(); n != 0 {
			t.Errorf("%v: %d ends unrecorded", refusal, n)
		}
	}
}

func TestARunWithoutAConfigurationFails(t *testing.T) {
	b, s := newBook(t)
	b.noConfig = domain.ErrNotFound
	running(t, s)
	id := b.start()
	c, is := next(t, "end", b.handled).(domain.ReportFailed)
	if !is || c.RunID != id || c.Code != domain.CodeRejected || c.Detail == "" {
		t.Errorf("recorded %+v", c)
	}
	none(t, "POST", b.posted)
}

func TestARunOfAnotherInstanceIsLeftAlone(t *testing.T) {
	b, s := newBook(t)
	running(t, s)
	b.start(func(r *domain.Run) { r.Instance = "instance-2" })
	b.start(func(r *domain.Run) { r.Status = domain.StatusCancelled })
	b.pulled(t)
	until(t, "rest", func() bool { open, _ := s.open(); return open == 0 })
	none(t, "POST", b.posted)
	none(t, "end", b.handled)
}

func TestHeard(t *testing.T) {
	b, s := newBook(t)
	if _, ok := s.Heard(uuid.Must(uuid.NewV7())); ok {
		t.Error("a run was heard before there was one")
	}
	running(t, s)
	began := time.Now()
	id := b.start()
	next(t, "POST", b.posted)
	until(t, "a sign of life", func() bool {
		at, ok := s.Heard(id)
		return ok && !at.Before(began)
	})
}

// With no database to ask or to write to, nothing is POSTed, tried harder than
// agreed, or waited for without end.
func TestPatienceIsBounded(t *testing.T) {
	t.Run("loading", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b, s := offline()
			b.unloaded = errors.New("database is down")
			stop := running(t, s)
			b.start()
			time.Sleep(time.Minute)
			if b.set(func() { b.unloaded, b.noConfig = nil, domain.ErrNotFound }); len(b.handled) != 0 {
				t.Error("a run that could not be loaded was ended")
			}
			time.Sleep(poll)
			synctest.Wait()
			if len(b.handled) != 1 {
				t.Error("the run was not taken up when the database was back")
			}
			stop(context.Canceled)
		})
	})
	t.Run("recording", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b, s := offline()
			b.noConfig, b.refuse = domain.ErrNotFound, errors.New("database is down")
			stop := running(t, s)
			b.start()
			time.Sleep(time.Minute)
			if n := len(b.attempts); n < 60 || n > 70 {
				t.Errorf("%d attempts in a minute, want one a second after a quick start", n)
			}
			began := time.Now()
			stop(context.Canceled)
			if took := time.Since(began); took != s.ShutdownGrace+recordGrace {
				t.Errorf("stopped after %s, want %s", took, s.ShutdownGrace+recordGrace)
			}
		})
	})
}

// offline is a book without a scraper, for runs that are never POSTed.
func offline() (*book, *Supervisor) {
	b := &book{runs: map[uuid.UUID]domain.Run{}, tokens: make(chan struct{}, 1), handled: make(chan domain.RunCommand, 10), attempts: make(chan error, 1000)}
	return b, &Supervisor{
		Instance: self, OpenRuns: b.openRuns, LoadRun: b.loadRun, Config: b.config, Handle: b.handle,
		Wake:          func() (<-chan struct{}, func()) { return b.tokens, func() {} },
		ShutdownGrace: 10 * time.Second, Logger: slog.New(slog.DiscardHandler),
	}
}

// Everything that others may call, called at once.
func TestSupervisorIsSafeForConcurrentUse(t *testing.T) {
	b, s := newBook(t)
	running(t, s)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 5 {
				id := b.start()
				s.Heard(id)
				s.Unrecorded()
				b.close(id)
			}
		})
	}
	all.Wait()
	until(t, "rest", func() bool { open, _ := s.open(); b.wake(); return open == 0 })
}
