//go:build !race

// The race detector itself dies of bubbles as large as these (golang/go#78156): make
// test runs them without it.

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"scrapelog/cmd/crashcheck/check"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/feed"
	"scrapelog/eventstore/instances"
	"scrapelog/handlers/command"
	"scrapelog/handlers/dial"
	"scrapelog/handlers/instance"
	"scrapelog/handlers/react"
	"scrapelog/handlers/recovery"
	"scrapelog/handlers/schedule"
)

// Both nights on which Berlin changes its clocks, which it does at 01:00 UTC; the
// clock of a synctest bubble begins in the same year.
var (
	springNight = time.Date(2000, 3, 26, 0, 45, 0, 0, time.UTC)
	autumnNight = time.Date(2000, 10, 29, 0, 15, 0, 0, time.UTC)
)

var freshNights = flag.Int("nights", 0, "nights to be simulated beside those of every test, each with a new seed")

const (
	simulatedNight = 90 * time.Minute
	simulatedQuiet = 20 * time.Minute // at the end, with everything up
)

// TestSimulatedNights lives through nights of flapping scrapers, pauses, deaths
// and downtimes in seconds: the real store, commands, scheduler, prober, saga and
// sweep, with only the streams and probes made up. What a seed makes of its world
// is the same each time; in which order things of one instant happen is not.
func TestSimulatedNights(t *testing.T) {
	t.Parallel()
	seeds := []uint64{1, 2}
	for i := range *freshNights {
		seeds = append(seeds, uint64(time.Now().UnixNano())+uint64(i))
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			began := time.Now()
			synctest.Test(t, func(t *testing.T) { simulate(t, seed) })
			took := time.Since(began)
			t.Logf("seed %d: %.2f days of fake time per second", seed, simulatedNight.Hours()/24/took.Seconds())
		})
	}
}

func simulate(t *testing.T, seed uint64) {
	night := springNight
	if seed%2 == 0 {
		night = autumnNight
	}
	time.Sleep(time.Until(night))
	s := &simulation{t: t, seed: seed, url: "sqlite:" + filepath.Join(t.TempDir(), "log.db"), ends: night.Add(simulatedNight), wall: time.Now}
	s.when = map[int64]time.Time{}
	s.seen = check.Seen{Cancels: map[uuid.UUID]bool{}, Scrapers: map[string]check.Scraper{}, Bound: 300 * time.Millisecond, Final: true}
	s.world = newSimulatedWorld(seed, night, s.ends.Add(-simulatedQuiet))
	for name, w := range s.world {
		s.seen.Scrapers[name] = check.Scraper{Idle: w.config.IdleTimeout.Std(), Downs: w.spans()}
	}
	s.live()
	s.holdAgainstInvariants()
	if t.Failed() {
		t.Logf("seed %d, from %s", seed, night)
	}
}

// simulation is scrapelog in a world that follows from a seed.
type simulation struct {
	t     *testing.T
	seed  uint64
	url   string
	ends  time.Time
	wall  func() time.Time
	world map[string]*simulatedScraper

	mu   sync.Mutex // of seen and when
	seen check.Seen
	when map[int64]time.Time // each position was appended, by a clock that nobody sets
	log  []eventstore.Recorded
}

// simulatedLife is one process.
type simulatedLife struct {
	*simulation
	index    int
	id       string
	store    *feed.Feed
	lock     *instances.Instance
	commands *command.Handler
	crowd    *command.Crowd
	acting   errgroup.Group
	stop     context.CancelCauseFunc
}

var (
	errSimulatedStop  = errors.New("asked to stop")
	errSimulatedDeath = errors.New("killed")
)

// live has people and fate do something every few minutes, until all is quiet.
func (s *simulation) live() {
	rnd := rand.New(rand.NewPCG(s.seed, 0))
	names := s.names()
	l := s.begin()
	for time.Until(s.ends) > simulatedQuiet {
		time.Sleep(upTo(rnd, 8*time.Minute))
		name := names[rnd.IntN(len(names))]
		to := domain.ToScraper{Scraper: name}
		switch rnd.IntN(7) {
		case 0, 1:
			l.people(domain.PauseScraper{ToScraper: to, By: "user:a"})
		case 2, 3:
			l.people(domain.ResumeScraper{ToScraper: to, By: "user:a"})
		case 4:
			l.people(domain.StartScrape{ToScraper: to, Trigger: domain.TriggerManual})
		case 5:
			l.end([]error{errSimulatedStop, errSimulatedDeath}[rnd.IntN(2)])
			time.Sleep(upTo(rnd, 30*time.Minute))
			l = s.begin()
		case 6: // at the very instant of a tick
			time.Sleep(time.Until(time.Now().Truncate(5 * time.Minute).Add(5 * time.Minute)))
			l.end(errSimulatedDeath)
			l = s.begin()
		}
	}
	for _, name := range names {
		l.people(domain.ResumeScraper{ToScraper: domain.ToScraper{Scraper: name}, By: "user:a"})
	}
	time.Sleep(max(time.Until(s.ends), simulatedQuiet))
	s.log = l.settled()
	l.end(errSimulatedDeath)
}

func (s *simulation) names() (names []string) {
	for name := range s.world {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// begin starts a process, in the order in which serve does.
func (s *simulation) begin() *simulatedLife {
	ctx, stop := context.WithCancelCause(context.Background())
	l := &simulatedLife{simulation: s, index: len(s.seen.Lives), id: uuid.Must(uuid.NewV7()).String(), stop: stop}
	logger := slog.New(slog.DiscardHandler)
	began := time.Now()
	store, err := eventstore.Open(ctx, eventstore.Config{URL: s.url, Now: s.wall, Logger: logger})
	s.must(err)
	l.store = feed.New(store)
	l.lock, err = instances.New(store).Acquire(ctx, l.id)
	s.must(err)
	own := func() string { return l.id }
	follower := func(context.Context) (string, error) { return l.id, context.Cause(ctx) }
	l.commands = &command.Handler{Log: l.store, Instance: own, Follower: follower, Now: s.wall, Logger: logger}
	l.crowd = &command.Crowd{Handler: l.commands}
	keeper := &instance.Keeper{Store: instances.New(store), Beat: l.lock.Beat, Handle: l.commands.Handle, Logger: logger}
	s.must(keeper.Sweep(ctx)) // its beats mean nothing on SQLite, and would cost a commit every 2 s
	for _, name := range s.names() {
		l.people(domain.ConfigureScraper{ToScraper: domain.ToScraper{Scraper: name}, Source: domain.SourceFile, Config: s.world[name].config})
	}
	s.mu.Lock()
	s.seen.Lives = append(s.seen.Lives, check.Life{Instances: []string{l.id}, Began: began, Ready: time.Now()})
	s.mu.Unlock()
	l.act(ctx, logger)
	return l
}

func (l *simulatedLife) act(ctx context.Context, logger *slog.Logger) {
	load := func(ctx context.Context, id uuid.UUID) (domain.Run, error) { return l.commands.Run(ctx, id) }
	quiet := &quietLog{Feed: l.store}
	quiet.token, _ = l.store.Wake()
	lost := &quietLog{Feed: l.store}
	lost.token, _ = l.store.Wake()
	prober := &recovery.Prober{
		Lost: lost.lost, LoadRun: load, Watcher: func(string) bool { return false },
		Config: func(_ context.Context, name string) (dial.Target, error) {
			return dial.Target{ScraperConfig: l.world[name].config}, nil
		},
		Ask: func(_ context.Context, c dial.Target) (bool, bool, error) {
			return l.world[c.Name].probe(time.Now())
		},
		Handle: l.handle, Wake: l.store.Wake, Logger: logger,
	}
	scheduler := &schedule.Scheduler{
		Log: quiet, HandleAll: l.handleAll, Unanswered: prober.Unanswered, Wake: l.store.Wake, Ready: func() {}, Now: l.wall, Logger: logger,
	}
	router, err := react.New(l.store, logger, react.Rescrape(l.handleAll, logger))
	l.must(err)
	for _, run := range []func(context.Context) error{router.Run, scheduler.Run, prober.Run, l.supervise} {
		l.acting.Go(func() error { return run(ctx) })
	}
}

// handle notes when something was appended.
func (l *simulatedLife) handle(ctx context.Context, c domain.Command, by domain.Origin) ([]eventstore.Recorded, error) {
	recorded, err := l.crowd.Handle(ctx, c, by)
	l.note(recorded)
	return recorded, err
}

func (l *simulatedLife) handleAll(ctx context.Context, orders []domain.Order) []eventstore.Appended {
	answers := l.crowd.HandleAll(ctx, orders)
	for _, answer := range answers {
		l.note(answer.Recorded)
	}
	return answers
}

func (l *simulatedLife) note(recorded []eventstore.Recorded) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range recorded {
		l.when[r.Position] = time.Now()
	}
}

// end stops the process in good order, or lets it die: then its row and its open
// runs stay, and only the kernel's lock is free.
func (l *simulatedLife) end(why error) {
	synctest.Wait()
	l.mu.Lock()
	l.seen.Lives[l.index].Asked = time.Now()
	l.mu.Unlock()
	l.stop(why)
	l.must(l.acting.Wait())
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if errors.Is(why, errSimulatedDeath) {
		cancel()
	}
	if err := l.lock.Release(ctx); ctx.Err() == nil {
		l.must(err)
	}
	l.must(l.store.Close())
	l.mu.Lock()
	l.seen.Lives[l.index].Ended = time.Now()
	l.mu.Unlock()
}

// people ask for something, which may be refused.
func (l *simulatedLife) people(c domain.Command) {
	_, err := l.handle(context.Background(), c, domain.Origin{Actor: "user:a"})
	if !errors.Is(err, domain.ErrConflict) {
		l.must(err)
	}
}

func (s *simulation) must(err error) {
	if err != nil {
		s.t.Helper()
		s.t.Fatalf("seed %d at %s: %v", s.seed, time.Now().UTC(), err)
	}
}

// settled is the log once no run is open, of which there are short ones only, and
// no connection is down.
func (l *simulatedLife) settled() []eventstore.Recorded {
	for range 100 {
		synctest.Wait()
		guards, err := l.store.Guards(context.Background())
		l.must(err)
		if !slices.ContainsFunc(guards, func(g domain.Guard) bool { return g.OpenRun != uuid.Nil || g.ConnectionDown() }) {
			break
		}
		time.Sleep(time.Second)
	}
	var all []eventstore.Recorded
	for {
		more, err := l.store.Read(context.Background(), eventstore.Query{After: int64(len(all)), Limit: 500})
		l.must(err)
		if len(more) == 0 {
			return all
		}
		all = append(all, more...)
	}
}

// upTo is in whole milliseconds: the log keeps microseconds.
func upTo(rnd *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(rnd.Int64N(most.Milliseconds())) * time.Millisecond
}

// simulatedHash makes a seed of what a part of the world is named by.
func simulatedHash(words ...any) uint64 {
	h := fnv.New64a()
	fmt.Fprintln(h, words...)
	return h.Sum64()
}
