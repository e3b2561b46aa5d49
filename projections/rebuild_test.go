package projections

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

// story makes up a log: scrapers that are configured, paused and removed, runs
// that start and end in every way, returns and recoveries, some of which make
// no sense. A fold must not care.
type story struct {
	*rand.Rand
	open, ended []domain.AboutRun
	clock       time.Time
}

func (s *story) events(n int) []domain.Event {
	var events []domain.Event
	for len(events) < n {
		s.clock = s.clock.Add(time.Duration(s.Int64N(int64(2 * time.Second)))) // nanoseconds, and sometimes none
		events = append(events, s.next())
	}
	return events
}

func (s *story) next() domain.Event {
	switch draw := s.IntN(20); {
	case draw < 8 || len(s.open) == 0:
		return s.start()
	case draw < 15:
		return s.end()
	case draw < 17 && len(s.ended) > 0:
		about := s.ended[s.IntN(len(s.ended))]
		about.At = s.clock
		return domain.ConnectionRestored{AboutRun: about, Link: domain.LinkScraper, DownForMS: s.Int64N(9000), NoticedBy: domain.NoticedByAnnounce}
	}
	return s.scraperEvent()
}

func (s *story) scraper() string { return fmt.Sprintf("s%d", s.IntN(5)) }

func (s *story) start() domain.Event {
	id, err := uuid.NewRandomFromReader(rngReader{s.Rand})
	if err != nil {
		panic(err)
	}
	e := domain.RunStarted{
		AboutRun: domain.AboutRun{RunID: id, Scraper: s.scraper(), At: s.clock},
		Trigger:  triggers[s.IntN(3)], Instance: fmt.Sprintf("i%d", s.IntN(2)),
	}
	if len(s.ended) > 0 && s.IntN(2) == 0 {
		e.Recovers = s.ended[s.IntN(len(s.ended))].RunID
	}
	if s.IntN(3) == 0 {
		e.DueAt, e.Watcher, e.Params = s.clock.Add(-time.Second), "tab \x00", []byte(`{"a":[1,"\u0000"]}`)
	}
	s.open = append(s.open, e.AboutRun)
	return e
}

func (s *story) end() domain.Event {
	i := s.IntN(len(s.open))
	about := s.open[i]
	s.open = append(s.open[:i], s.open[i+1:]...)
	s.ended = append(s.ended, about)
	about.At = s.clock
	switch s.IntN(5) {
	case 0:
		return domain.RunCompleted{AboutRun: about, Items: s.Int64N(100), DurationMS: s.Int64N(100), Note: []string{"", "the next page is on another origin", "\x00"}[s.IntN(3)]}
	case 1:
		return domain.RunFailed{AboutRun: about, Code: domain.CodeTimeout, Detail: "x\ny\x00", HTTPStatus: s.IntN(600)}
	case 2:
		return domain.RunCancelled{AboutRun: about, By: "user:\x00", Reason: "\u202e"}
	}
	return domain.ConnectionLost{
		AboutRun: about, Link: domain.LinkScraper, Phase: domain.PhaseStreaming, Cause: domain.CauseEOF,
		LastHeardAt: s.clock, LastEvent: []string{"", "progress", "\x00"}[s.IntN(3)], Received: domain.Received{Events: s.Int64N(9), Bytes: s.Int64N(999)},
	}
}

func (s *story) scraperEvent() domain.Event {
	about := domain.AboutScraper{Scraper: s.scraper(), At: s.clock}
	switch s.IntN(5) {
	case 0:
		return domain.ScraperPaused{AboutScraper: about, By: "user:a", Reason: "r"}
	case 1:
		return domain.ScraperResumed{AboutScraper: about}
	case 2:
		return domain.ScraperRemoved{AboutScraper: about}
	case 3:
		return domain.ScrapeSkipped{AboutScraper: about, Trigger: domain.TriggerSchedule, DueAt: s.clock, Reason: domain.SkipPaused}
	}
	config := domain.DefaultScraperConfig()
	config.Name, config.Schedule, config.Params = about.Scraper, "@every 1m", map[string]any{"z": 1.5, "a": "\x00"}
	return domain.ScraperConfigured{AboutScraper: about, Source: domain.SourceAPI, Config: config}
}

// rngReader makes ids follow from the seed.
type rngReader struct{ *rand.Rand }

func (r rngReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return len(p), nil
}

func newStory(t *testing.T) *story {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return &story{Rand: rand.New(rand.NewPCG(seed, 1)), clock: noon}
}

// testPage is far smaller than pageSize, and so the logs need not be long.
const testPage = 100

func (l *testLog) rebuild(ctx context.Context, p Projection, progress func(done, head int64)) error {
	unlock, err := lockBuilds(ctx, l.Store)
	if err != nil {
		return err
	}
	defer unlock()
	return p.rebuild(ctx, l.Store, testPage, progress)
}

func (l *testLog) rebuildAll() {
	l.Helper()
	for _, p := range All() {
		if err := l.rebuild(l.Context(), p, func(int64, int64) {}); err != nil {
			l.Fatal(err)
		}
	}
}

func TestRebuiltIsTheSameAsLive(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		tale := newStory(t)
		log.given(tale.events(2*testPage + 30)...)
		live := log.dump()
		log.rebuildAll()
		same(t, "rebuilt", log.dump(), live)

		// What was rebuilt goes on as if nothing had been.
		log.given(tale.events(50)...)
		live = log.dump()
		log.rebuildAll()
		same(t, "rebuilt again", log.dump(), live)
	})
}

// Replaying the end of the log from first to last would come to the same rows
// without any guard, so events come again one by one and in any order.
func TestApplyingTwiceLeavesTheSameRows(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		tale := newStory(t)
		log.given(tale.events(200)...)
		once := log.dump()
		records, err := log.Read(t.Context(), eventstore.Query{})
		if err != nil {
			t.Fatal(err)
		}
		tale.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
		for _, p := range All() {
			if err := log.apply(t.Context(), p, records...); err != nil {
				t.Fatal(err)
			}
		}
		same(t, "applied twice", log.dump(), once)
	})
}

func TestARebuildBehindTheLogTakesTheGroupAlong(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.append(configured(0), started(runA, 1))
		log.rebuildAll()
		for _, p := range All() {
			if offset, err := log.Offset(t.Context(), p.Name()); err != nil || offset != 2 {
				t.Errorf("%s: offset %d, %v", p.Name(), offset, err)
			}
		}
		rebuilt := log.dump()
		log.follow()
		same(t, "followed after that", log.dump(), rebuilt)
	})
}

func TestACrashInTheMiddleLeavesTheOldRows(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.given(newStory(t).events(2*testPage + 10)...)
		live := log.dump()
		for _, p := range All() {
			ctx, crash := context.WithCancel(t.Context())
			err := log.rebuild(ctx, p, func(int64, int64) { crash() })
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("%s: %v", p.Name(), err)
			}
		}
		same(t, "after the crash", log.dump(), live)
		log.rebuildAll()
		same(t, "rebuilt after it", log.dump(), live)
	})
}

func TestARebuildTellsHowFarItIs(t *testing.T) {
	log := open(t, eventstoretest.SQLite(t))
	log.given(newStory(t).events(2*testPage + 10)...)
	var told strings.Builder
	err := log.rebuild(t.Context(), All()[1], func(done, head int64) { fmt.Fprintf(&told, "%d/%d ", done, head) })
	if want := "100/210 200/210 210/210 "; err != nil || told.String() != want {
		t.Errorf("told %q, want %q, %v", told.String(), want, err)
	}
	if err := Rebuild(t.Context(), log.Store, "runs", nil); err != nil {
		t.Error(err)
	}
	if err := Rebuild(t.Context(), log.Store, "walks", nil); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("an unknown projection: %v", err)
	}
}

func TestRebuildsBesideALogThatGrows(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		tale := newStory(t)
		log.given(tale.events(testPage + 50)...)
		var grow sync.WaitGroup
		grow.Go(func() {
			for range 20 {
				log.given(tale.events(5)...)
				if _, err := log.Runs(t.Context(), RunFilter{}); err != nil {
					t.Errorf("a query during a rebuild: %v", err)
				}
			}
		})
		for range 3 {
			log.rebuildAll()
		}
		grow.Wait()
		live := log.dump()
		log.rebuildAll()
		same(t, "rebuilt in peace", log.dump(), live)
	})
}

func TestEnsureMakesWhatIsMissingOrOfAnotherVersion(t *testing.T) {
	spoil := map[string]string{
		"a table that was dropped":      "DROP TABLE run_counts",
		"tables of another version":     "UPDATE projections SET version = 99",
		"everything that was forgotten": "DROP TABLE projections",
	}
	for name, statement := range spoil {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, log *testLog) {
				log.given(newStory(t).events(60)...)
				live := log.dump()
				log.exec(statement)
				if err := Ensure(t.Context(), log.Store); err != nil {
					t.Fatal(err)
				}
				same(t, "ensured", log.dump(), live)
			})
		})
	}
}

func TestEnsureOnManyInstancesAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.given(newStory(t).events(60)...)
		live := log.dump()
		log.exec("DROP TABLE projections")
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if err := Ensure(t.Context(), log.Store); err != nil {
					t.Errorf("ensure: %v", err)
				}
			})
		}
		all.Wait()
		same(t, "ensured by many", log.dump(), live)
	})
}

// An instance that starts has its tables already and must not wait for whoever
// rebuilds one of them.
func TestEnsureBesideARebuild(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		unlock, err := lockBuilds(t.Context(), log.Store)
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if err := Ensure(ctx, log.Store); err != nil {
			t.Error(err)
		}
	})
}
