package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/dial"
	"scrapelog/handlers/recovery"
)

const shop = "shop-prices"

var lostRun = uuid.MustParse("01990000-0000-7000-8000-000000000001")

// world is one lost scraper: what the log says of it and how it answers.
type world struct {
	mu       sync.Mutex
	guard    domain.Guard
	lost     domain.Run
	config   dial.Target
	answer   func(n int) (back, answered bool, err error) // of the nth probe, from 1
	probes   []time.Time
	watching bool // the watcher's stream is open
	refuse   error
	restored chan domain.ReportConnectionRestored
	wake     chan struct{}
}

var errRefused = errors.New("connection refused")

func newWorld() *world {
	now := time.Now()
	w := &world{
		guard:    domain.Guard{Scraper: shop, LostRun: lostRun},
		lost:     domain.Run{ID: lostRun, Scraper: shop, Status: domain.StatusConnectionFailed, Trigger: domain.TriggerSchedule, LostLink: domain.LinkScraper, StartedAt: now.Add(-time.Minute), EndedAt: now},
		config:   dial.Target{ScraperConfig: domain.DefaultScraperConfig()},
		restored: make(chan domain.ReportConnectionRestored, 16),
		wake:     make(chan struct{}, 1),
	}
	return w
}

func (w *world) prober() *recovery.Prober {
	return &recovery.Prober{
		Lost: w.down,
		LoadRun: func(context.Context, uuid.UUID) (domain.Run, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.lost, nil
		},
		Config:  func(context.Context, string) (dial.Target, error) { return w.config, nil },
		Ask:     w.ask,
		Watcher: func(string) bool { w.mu.Lock(); defer w.mu.Unlock(); return w.watching },
		Handle:  w.handle,
		Wake:    func() (<-chan struct{}, func()) { return w.wake, func() {} },
		Logger:  slog.New(slog.DiscardHandler),
	}
}

// down is the guard as long as its connection is.
func (w *world) down(context.Context) ([]domain.Guard, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.guard.ConnectionDown() {
		return nil, nil
	}
	return []domain.Guard{w.guard}, nil
}

func (w *world) ask(context.Context, dial.Target) (bool, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.probes = append(w.probes, time.Now())
	return w.answer(len(w.probes))
}

func (w *world) handle(_ context.Context, c domain.Command, _ domain.Origin) ([]eventstore.Recorded, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.refuse; err != nil {
		w.refuse = nil
		return nil, err
	}
	w.guard.Restored = true
	w.restored <- c.(domain.ReportConnectionRestored)
	return nil, nil
}

// start runs a prober until the test ends.
func (w *world) start(t *testing.T) *recovery.Prober {
	p := w.prober()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return p
}

func backFrom(n int) func(int) (bool, bool, error) {
	return func(probe int) (bool, bool, error) {
		if probe < n {
			return false, false, errRefused
		}
		return true, true, nil
	}
}

func TestTheFirstGoodProbeRestores(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w := newWorld()
		w.answer = backFrom(4)
		p := w.start(t)
		restored := <-w.restored
		if restored.RunID != lostRun || restored.NoticedBy != domain.NoticedByProbe {
			t.Errorf("restored %+v", restored)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("restored after %v, want the fourth probe of one a second", took)
		}
		time.Sleep(10 * time.Second)
		if len(w.restored) != 0 || len(w.probes) != 4 {
			t.Errorf("after the return: %d more returns, %d probes", len(w.restored), len(w.probes))
		}
		if _, waiting := p.Waiting(shop); waiting {
			t.Error("the prober still waits")
		}
	})
}

func TestAnAnnouncementIsProbedAtOnceAndOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w := newWorld()
		w.config.Probe.Interval = domain.Duration(time.Minute)
		w.answer = backFrom(3)
		p := w.start(t)
		synctest.Wait()

		time.Sleep(5 * time.Second)
		for range 50 {
			p.Announce([]string{"other", shop})
			synctest.Wait()
		}
		if len(w.probes) != 2 {
			t.Fatalf("%d probes after 50 announcements at once, want 2", len(w.probes))
		}
		time.Sleep(time.Second)
		p.Announce([]string{shop})
		if restored := <-w.restored; restored.NoticedBy != domain.NoticedByAnnounce || time.Since(began) != 6*time.Second {
			t.Errorf("restored by %s after %v", restored.NoticedBy, time.Since(began))
		}
	})
}

func TestAPersonHasALostScraperProbedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w := newWorld()
		w.config.Probe.Interval = domain.Duration(time.Minute)
		w.answer = backFrom(2)
		p := w.start(t)
		synctest.Wait()

		time.Sleep(5 * time.Second)
		p.ProbeNow("other")
		p.ProbeNow(shop)
		if restored := <-w.restored; restored.NoticedBy != domain.NoticedByProbe || time.Since(began) != 5*time.Second {
			t.Errorf("restored by %s after %v", restored.NoticedBy, time.Since(began))
		}
	})
}

func TestARecoveryRunLostAtOnceIsHeldDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w := newWorld()
		w.lost.Trigger = domain.TriggerRecovery
		w.lost.StartedAt = w.lost.EndedAt.Add(-2 * time.Second)
		w.answer = func(probe int) (bool, bool, error) { return probe != 6, true, errors.New("503") }
		p := w.start(t)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if why, waiting := p.Waiting(shop); !waiting || why == "" {
			t.Error("it does not say what it waits for")
		}
		<-w.restored
		// The sixth probe, 5 s in, fails: the whole hold-down begins again with the seventh.
		if took := time.Since(began); took != 16*time.Second {
			t.Errorf("restored after %v, want a whole hold-down of good probes", took)
		}
	})
}

func TestALostWatcherMustComeBackToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.lost.LostLink, w.lost.Watcher = domain.LinkWatcher, "tab-1"
		w.answer = backFrom(1)
		p := w.start(t)
		time.Sleep(5500 * time.Millisecond)
		if len(w.restored) != 0 {
			t.Fatal("restored without its watcher")
		}
		w.mu.Lock()
		w.watching = true
		w.mu.Unlock()
		back := time.Now()
		p.WatcherBack("tab-2")
		p.WatcherBack("tab-1")
		if restored := <-w.restored; restored.NoticedBy != domain.NoticedByWatcher || !time.Now().Equal(back) {
			t.Errorf("noticed by %s after %v", restored.NoticedBy, time.Since(back))
		}
	})
}

func TestUnansweredIsNotTheSameAsNotBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.answer = func(probe int) (bool, bool, error) { return false, probe > 3, errRefused }
		p := w.start(t)
		time.Sleep(2500 * time.Millisecond)
		if !p.Unanswered(shop) {
			t.Error("three probes without an answer count as answered")
		}
		time.Sleep(time.Second)
		if p.Unanswered(shop) {
			t.Error("a 503 counts as no answer")
		}
		if p.Unanswered("other") {
			t.Error("a scraper that is not lost counts as unanswered")
		}
	})
}

func TestANewerLossIsWatchedInsteadOfTheOlder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		newer := uuid.MustParse("01990000-0000-7000-8000-000000000002")
		w := newWorld()
		w.config.Probe.Interval = domain.Duration(time.Hour)
		w.answer = backFrom(2)
		w.start(t)
		synctest.Wait()
		w.mu.Lock()
		w.guard.LostRun = newer
		w.mu.Unlock()
		w.wake <- struct{}{}
		if restored := <-w.restored; restored.RunID != newer {
			t.Errorf("restored %s", restored.RunID)
		}
	})
}

func TestAReturnThatCannotBeRecordedIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w := newWorld()
		w.answer = backFrom(1)
		w.refuse = errors.New("database is down")
		w.start(t)
		<-w.restored
		if took := time.Since(began); took != time.Second {
			t.Errorf("recorded after %v", took)
		}
	})
}

func TestAStormIsProbedAFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lost = 10 * recovery.AtOnce
		w := newWorld()
		var under, most, asked int
		p := w.prober()
		p.Lost = func(context.Context) ([]domain.Guard, error) {
			guards := make([]domain.Guard, lost)
			for i := range guards {
				guards[i] = domain.Guard{Scraper: fmt.Sprint(shop, i), LostRun: lostRun}
			}
			return guards, nil
		}
		p.Ask = func(context.Context, dial.Target) (bool, bool, error) {
			w.mu.Lock()
			under, asked = under+1, asked+1
			most = max(most, under)
			w.mu.Unlock()
			time.Sleep(10 * time.Millisecond)
			w.mu.Lock()
			defer w.mu.Unlock()
			under--
			return false, true, errRefused
		}
		ctx, cancel := context.WithTimeout(t.Context(), recovery.CalmAfter+500*time.Millisecond+100*time.Microsecond) // between two
		defer cancel()
		if err := p.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if want := recovery.AtOnce + recovery.PerSecond/2; most != recovery.AtOnce || asked != want {
			t.Errorf("%d probes at once, %d in half a second; want %d and %d", most, asked, recovery.AtOnce, want)
		}
	})
}

// While many connections are being lost, only scrapers that announce themselves are probed.
func TestAStormIsOverBeforeItIsProbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.answer = backFrom(1000)
		p := w.prober()
		const last = 2 * time.Second // from the first loss to the last
		began := time.Now()
		p.Lost = func(context.Context) (guards []domain.Guard, err error) {
			for i := range recovery.ManyLost * (1 + int(min(time.Since(began), last)/(recovery.CalmAfter/2))) {
				guards = append(guards, domain.Guard{Scraper: fmt.Sprint(shop, i), LostRun: lostRun})
			}
			return guards, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), last+2*recovery.CalmAfter)
		defer cancel()
		commits := time.NewTicker(recovery.CalmAfter / 2)
		defer commits.Stop()
		go func() {
			for range 100 {
				select {
				case <-commits.C:
					w.wake <- struct{}{}
				case <-ctx.Done():
				}
			}
		}()
		time.AfterFunc(time.Second, func() { p.Announce([]string{shop + "0"}) })
		if err := p.Run(ctx); err != nil {
			t.Fatal(err)
		}
		probes := w.probes
		if len(probes) < 2 || probes[0].Sub(began) != time.Second {
			t.Fatalf("%d probes, the first after %v; want the announced one after 1s", len(probes), probes[0].Sub(began))
		}
		if first := probes[1].Sub(began); first < last {
			t.Errorf("probed %v after the first loss, when others were being lost", first)
		}
	})
}

// A probe that was not sent restores nothing and does not count as unanswered: the next
// slot starts a run, whose end names the reason.
func TestAProbeThatIsRefusedRestoresNothing(t *testing.T) {
	t.Setenv("SCRAPELOG_TEST_TOKEN", "secret")
	scraper := httptest.NewServer(http.NotFoundHandler())
	defer scraper.Close()
	for name, forbid := range map[string]func(*dial.Target){
		"a forbidden address": func(c *dial.Target) { c.Egress.Deny = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} },
		"a forbidden variable": func(c *dial.Target) {
			c.HeadersEnv, c.Secrets = map[string]string{"X": "SCRAPELOG_TEST_TOKEN"}, &domain.Secrets{}
		},
		"an unset variable": func(c *dial.Target) { c.HeadersEnv = map[string]string{"X": "SCRAPELOG_TEST_UNSET"} },
	} {
		w := newWorld()
		w.config.URL, w.config.Probe.Interval = scraper.URL, domain.Duration(10*time.Millisecond)
		forbid(&w.config)
		probes := make(chan struct{}, 100)
		p := w.prober()
		p.Ask = func(ctx context.Context, c dial.Target) (back, answered bool, err error) {
			defer func() { probes <- struct{}{} }()
			return dial.Probe(ctx, c)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- p.Run(ctx) }()
		for range 5 {
			<-probes
		}
		waits, watched := p.Waiting(shop)
		if !watched || p.Unanswered(shop) || len(w.restored) > 0 {
			t.Errorf("%s: watched %t, unanswered %t, %d restored, waits %q", name, watched, p.Unanswered(shop), len(w.restored), waits)
		}
		cancel()
		<-done
	}
}
