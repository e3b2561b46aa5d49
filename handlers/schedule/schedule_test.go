package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/feed"
	"scrapelog/handlers/schedule"
)

const shop = "shop-prices"

// log is a log in memory: it lets the domain decide and keeps what follows.
type log struct {
	mu     sync.Mutex
	events []eventstore.Recorded
	fail   error // of the next command
	away   int   // how many reads of a scraper fail, as when sessions are ended
	wake   chan struct{}
}

func (l *log) append(e domain.Event) {
	data, err := domain.Encode(e)
	if err != nil {
		panic(err)
	}
	l.events = append(l.events, eventstore.Recorded{Position: int64(len(l.events) + 1), Type: e.EventType(), Stream: e.Stream(), Data: data})
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *log) scraper() domain.Scraper {
	var s domain.Scraper
	for _, r := range l.events {
		e, err := r.Event()
		if err != nil {
			panic(err)
		}
		s = s.Evolve(e)
	}
	return s
}

func (l *log) Head(context.Context) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.events)), nil
}

func (l *log) Guards(context.Context) ([]domain.Guard, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return []domain.Guard{l.scraper().Guard}, nil
}

func (l *log) Scrapers(_ context.Context, names []string) (map[string]eventstore.ScraperState, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away > 0 {
		l.away--
		return nil, fmt.Errorf("%w: scrapers: FATAL: terminating connection due to administrator command", eventstore.ErrUnavailable)
	}
	return map[string]eventstore.ScraperState{names[0]: {Scraper: l.scraper()}}, nil
}

func (l *log) After(_ context.Context, position int64) (events []feed.Event, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.events[position:] {
		e, err := r.Event()
		if err != nil {
			return nil, err
		}
		events = append(events, feed.Event{Recorded: r, Decoded: e})
	}
	return events, nil
}

func (l *log) handleAll(_ context.Context, orders []domain.Order) []eventstore.Appended {
	l.mu.Lock()
	defer l.mu.Unlock()
	answers := make([]eventstore.Appended, len(orders))
	for i, order := range orders {
		answers[i].Err = l.handle(order.Command)
	}
	return answers
}

func (l *log) handle(c domain.Command) error {
	if err := l.fail; err != nil {
		l.fail = nil
		return err
	}
	events, err := l.scraper().Decide(c.(domain.ScraperCommand), time.Now())
	for _, e := range events {
		l.append(e)
	}
	return err
}

// record appends from outside.
func (l *log) record(events ...domain.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range events {
		l.append(e)
	}
}

// all lists what happened of one type.
func all[E domain.Event](l *log) []E {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []E
	for _, r := range l.events {
		if e, err := r.Event(); err == nil {
			if e, ok := e.(E); ok {
				found = append(found, e)
			}
		}
	}
	return found
}

func (l *log) tick(t *testing.T, unanswered bool) {
	s := &schedule.Scheduler{
		Log: l, HandleAll: l.handleAll, Ready: func() {}, Logger: slog.New(slog.DiscardHandler),
		Unanswered: func(string) bool { return unanswered },
		Wake:       func() (<-chan struct{}, func()) { return l.wake, func() {} },
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func newLog() *log { return &log{wake: make(chan struct{}, 1)} }

func configured(change func(*domain.ScraperConfig)) domain.ScraperConfigured {
	c := domain.DefaultScraperConfig()
	c.Name, c.URL, c.Schedule = shop, "http://127.0.0.1:9090/", "@every 60s"
	if change != nil {
		change(&c)
	}
	return domain.ScraperConfigured{AboutScraper: domain.AboutScraper{Scraper: shop, At: time.Now()}, Source: domain.SourceFile, Config: c}
}

func completed(run uuid.UUID) domain.Event {
	return domain.RunCompleted{AboutRun: domain.AboutRun{RunID: run, Scraper: shop, At: time.Now()}}
}

func TestSlotsStartOnTimeAndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		began := time.Now()
		l.record(configured(nil))
		l.tick(t, false)
		l.tick(t, false) // a second instance on the same log
		for n := 1; n <= 3; n++ {
			time.Sleep(time.Minute)
			synctest.Wait()
			runs := all[domain.RunStarted](l)
			if len(runs) != n {
				t.Fatalf("%d runs after %d slots", len(runs), n)
			}
			run := runs[n-1]
			want := began.Add(time.Duration(n) * time.Minute)
			if !run.DueAt.Equal(want) || !run.At.Equal(want) || run.RunID != domain.SlotRunID(shop, want) {
				t.Fatalf("slot %v started %+v", want, run)
			}
			l.record(completed(run.RunID))
		}
	})
}

func TestASlotOfAGapLeavesOneTraceAndIsNotMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		began := time.Now()
		l.record(configured(nil))
		l.tick(t, false)
		time.Sleep(4*time.Minute + time.Second) // the first run stays open over three slots
		synctest.Wait()
		if skips := all[domain.ScrapeSkipped](l); len(skips) != 1 || !skips[0].DueAt.Equal(began.Add(2*time.Minute)) {
			t.Fatalf("skips: %+v", skips)
		}
		l.record(completed(all[domain.RunStarted](l)[0].RunID))
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if runs := all[domain.RunStarted](l); len(runs) != 1 {
			t.Fatal("a skipped slot was made up for")
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if runs := all[domain.RunStarted](l); len(runs) != 2 || !runs[1].DueAt.Equal(began.Add(5*time.Minute)) {
			t.Fatalf("runs: %+v", runs)
		}
	})
}

func TestSlotsMissedWhileDown(t *testing.T) {
	for policy, want := range map[domain.CatchUp]time.Duration{domain.CatchUpOne: 10 * time.Minute, domain.CatchUpNone: 11 * time.Minute} {
		t.Run(string(policy), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLog()
				began := time.Now()
				l.record(configured(func(c *domain.ScraperConfig) { c.CatchUp = policy }))
				time.Sleep(10*time.Minute + 30*time.Second)
				l.tick(t, false)
				time.Sleep(31 * time.Second)
				synctest.Wait()
				runs := all[domain.RunStarted](l)
				if len(runs) != 1 || !runs[0].DueAt.Equal(began.Add(want)) {
					t.Errorf("runs: %+v, want one for the slot after %v", runs, want)
				}
			})
		})
	}
}

// A slot was missed when its start was, not when the slot was: jitter lies between.
func TestADowntimeThatEndsBeforeTheJitterMissesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		began := time.Now()
		shop := configured(func(c *domain.ScraperConfig) {
			c.CatchUp, c.Jitter = domain.CatchUpNone, domain.Duration(50*time.Second)
		})
		l.record(shop)
		due := began.Add(10 * time.Minute)
		start := shop.Config.Jittered(due)
		time.Sleep(start.Sub(began) - time.Second)
		if !time.Now().After(due) {
			t.Fatalf("the slot's jitter, %v, leaves no room for a restart", start.Sub(due))
		}
		l.tick(t, false)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if runs := all[domain.RunStarted](l); len(runs) != 1 || !runs[0].DueAt.Equal(due) {
			t.Errorf("runs: %+v, want that of %v", runs, due)
		}
	})
}

func TestASlotGivesWayToRecoveryOnlyWithoutAnyAnswer(t *testing.T) {
	for _, unanswered := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			l := newLog()
			l.record(configured(nil))
			about := domain.AboutRun{RunID: uuid.New(), Scraper: shop, At: time.Now()}
			l.record(domain.RunStarted{AboutRun: about, Trigger: domain.TriggerManual}, domain.ConnectionLost{AboutRun: about, Link: domain.LinkScraper, Cause: domain.CauseEOF})
			l.tick(t, unanswered)
			time.Sleep(time.Minute)
			synctest.Wait()
			if skips, runs := len(all[domain.ScrapeSkipped](l)), len(all[domain.RunStarted](l)); (skips == 1) != unanswered || (runs == 1) != unanswered {
				t.Errorf("unanswered %v: %d skips, %d runs", unanswered, skips, runs)
			}
		})
	}
}

// A process that has begun does not end because its database ends sessions then.
func TestADatabaseThatIsAwayAtTheStartIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		began := time.Now()
		l.record(configured(nil))
		l.away = 3
		l.tick(t, false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if runs := all[domain.RunStarted](l); len(runs) != 1 || !runs[0].At.Equal(began.Add(time.Minute)) {
			t.Fatalf("runs: %+v", runs)
		}
	})
}

func TestAChangedScheduleTakesEffectAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		l.record(configured(func(c *domain.ScraperConfig) { c.Schedule = "@every 24h" }))
		l.tick(t, false)
		time.Sleep(time.Minute)
		changed := time.Now()
		faster := configured(func(c *domain.ScraperConfig) { c.Schedule, c.Jitter = "@every 10s", domain.Duration(5*time.Second) })
		l.record(faster)
		time.Sleep(16 * time.Second)
		synctest.Wait()
		due := changed.Add(10 * time.Second)
		runs := all[domain.RunStarted](l)
		if len(runs) != 1 || !runs[0].DueAt.Equal(due) || !runs[0].At.Equal(faster.Config.Jittered(due)) {
			t.Errorf("runs: %+v, want one at %v", runs, faster.Config.Jittered(due))
		}
	})
}

func TestASlotThatCannotBeStartedIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		l.record(configured(nil))
		l.fail = errors.New("database is down")
		l.tick(t, false)
		time.Sleep(time.Minute + 2*time.Second)
		synctest.Wait()
		if runs := all[domain.RunStarted](l); len(runs) != 1 {
			t.Errorf("%d runs", len(runs))
		}
	})
}
