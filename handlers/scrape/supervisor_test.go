package scrape

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore/instances"
)

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
		if c, is := next(t, "end", b.handled).(domain.ReportCompleted); !is || c.Items != 7 {
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

// Otherwise the recovery of a run that is ended here could be given to this instance.
func TestAStopEndsNothingBeforeTheOthersKnow(t *testing.T) {
	b, s := newBook(t)
	s.ShutdownGrace = 0
	asked, known := make(chan struct{}), make(chan struct{})
	s.Leave = func(context.Context) { close(asked); <-known }
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	b.start()
	next(t, "POST", b.posted)
	cancel()
	next(t, "leave", asked)
	none(t, "end", b.handled)
	close(known)
	if c, is := next(t, "end", b.handled).(domain.ReportConnectionLost); !is || c.Cause != domain.CauseInstanceStop {
		t.Errorf("recorded %+v", c)
	}
	if err := next(t, "return", done); err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestADisownedInstanceDropsEverythingAtOnce(t *testing.T) {
	b, s := newBook(t)
	s.ShutdownGrace = time.Hour
	stop := running(t, s)
	b.start()
	next(t, "POST", b.posted)
	stop(instances.ErrMarkedDead)
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
	if n, why := s.Unrecorded(); n != 1 || why == nil {
		t.Errorf("%d ends unrecorded, want 1", n)
	}
	b.set(func() { b.refuse = nil })
	if c, is := next(t, "end", b.handled).(domain.ReportCompleted); !is || c.RunID != id {
		t.Errorf("recorded %+v", c)
	}
	until(t, "nothing unrecorded", func() bool { n, _ := s.Unrecorded(); return n == 0 })
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
		if n, _ := s.Unrecorded(); n != 0 {
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
		Leave:    func(context.Context) {},
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
