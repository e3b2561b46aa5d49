package command_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/command"
)

const shop = "shop-prices"

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func TestMain(m *testing.M) { os.Exit(eventstoretest.Main(m)) }

// desk is a handler over a real log, with one configured scraper.
type desk struct {
	*testing.T
	*command.Handler
	store *eventstore.Store
	said  *bytes.Buffer
}

func each(t *testing.T, test func(desk)) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		store := db.Open(t)
		said := &bytes.Buffer{}
		d := desk{t, &command.Handler{
			Log: store, Instance: func() string { return "here" }, Now: func() time.Time { return noon },
			Follower: func(context.Context) (string, error) { return "least-loaded", nil },
			Logger:   slog.New(slog.NewTextHandler(said, nil)),
		}, store, said}
		config := domain.DefaultScraperConfig()
		config.Name, config.URL = shop, "http://127.0.0.1:9090/scrapes/shop-prices"
		d.do(domain.ConfigureScraper{ToScraper: toShop, Source: domain.SourceAPI, Config: config})
		test(d)
	})
}

var toShop = domain.ToScraper{Scraper: shop}

func manual() domain.StartScrape {
	return domain.StartScrape{ToScraper: toShop, Trigger: domain.TriggerManual}
}

// do handles a command that must not be refused.
func (d desk) do(c domain.Command) []eventstore.Recorded {
	d.Helper()
	recorded, err := d.Handle(d.Context(), c, domain.Origin{Actor: "user:ada"})
	if err != nil {
		d.Fatalf("%T: %v", c, err)
	}
	return recorded
}

// event is the only event that followed.
func event[E domain.Event](d desk, recorded []eventstore.Recorded) E {
	d.Helper()
	if len(recorded) != 1 {
		d.Fatalf("%d events, want 1", len(recorded))
	}
	e, err := recorded[0].Event()
	if err != nil {
		d.Fatal(err)
	}
	return e.(E)
}

func (d desk) startedRun() uuid.UUID {
	d.Helper()
	return event[domain.RunStarted](d, d.do(manual())).RunID
}

func lose(run uuid.UUID) domain.ReportConnectionLost {
	return domain.ReportConnectionLost{ToRun: domain.ToRun{RunID: run}, Link: domain.LinkScraper, Phase: domain.PhaseStreaming, Cause: domain.CauseReset}
}

func restore(run uuid.UUID) domain.ReportConnectionRestored {
	return domain.ReportConnectionRestored{ToRun: domain.ToRun{RunID: run}, NoticedBy: domain.NoticedByProbe}
}

func TestWhatTheAskerDoesNotKnowIsFilledIn(t *testing.T) {
	each(t, func(d desk) {
		started := event[domain.RunStarted](d, d.do(manual()))
		if started.RunID == uuid.Nil || !started.At.Equal(noon) || started.Instance != "least-loaded" {
			d.Errorf("started %+v", started)
		}
	})
}

func TestOneOfManyStartsWins(t *testing.T) {
	each(t, func(d desk) {
		var won, refused atomic.Int32
		var racing sync.WaitGroup
		for range 16 {
			racing.Go(func() {
				_, err := d.Handle(d.Context(), manual(), domain.Origin{})
				open, is := errors.AsType[*domain.RunOpenError](err)
				switch {
				case err == nil:
					won.Add(1)
				case is && open.RunID != uuid.Nil:
					refused.Add(1)
				default:
					d.Error(err)
				}
			})
		}
		racing.Wait()
		if won.Load() != 1 || refused.Load() != 15 {
			d.Errorf("%d starts won and %d were refused", won.Load(), refused.Load())
		}
	})
}

func TestASlotIsClaimedOnceByHoweverManyInstances(t *testing.T) {
	each(t, func(d desk) {
		slot := domain.StartScrape{ToScraper: toShop, RunID: domain.SlotRunID(shop, noon), Trigger: domain.TriggerSchedule, DueAt: noon}
		var events atomic.Int32
		var ticking sync.WaitGroup
		for range 8 {
			ticking.Go(func() {
				recorded, err := d.Handle(d.Context(), slot, domain.Origin{})
				if err != nil {
					d.Error(err)
				}
				events.Add(int32(len(recorded)))
			})
		}
		ticking.Wait()
		if events.Load() != 1 {
			d.Errorf("%d events for one slot", events.Load())
		}
	})
}

func TestTheFirstEndStands(t *testing.T) {
	each(t, func(d desk) {
		run := d.startedRun()
		d.do(lose(run))
		if again := d.do(lose(run)); len(again) != 0 {
			d.Errorf("a second loss was recorded: %v", again)
		}
		_, err := d.Handle(d.Context(), domain.ReportCompleted{ToRun: domain.ToRun{RunID: run}}, domain.Origin{})
		if !errors.Is(err, domain.ErrFinished) {
			d.Errorf("completing a lost run: %v", err)
		}
	})
}

func TestALossIsRestoredOnceAndRecoveredOnce(t *testing.T) {
	each(t, func(d desk) {
		lost := d.startedRun()
		d.do(lose(lost))
		back := d.do(restore(lost))
		if again := d.do(restore(lost)); len(again) != 0 {
			d.Errorf("restored twice: %v", again)
		}
		commands := domain.Rescrape(event[domain.ConnectionRestored](d, back), back[0].ID, noon)
		recovery := event[domain.RunStarted](d, d.do(commands[0]))
		if recovery.Recovers != lost || recovery.Trigger != domain.TriggerRecovery {
			d.Errorf("recovery run %+v", recovery)
		}
		if again := d.do(commands[0]); len(again) != 0 {
			d.Errorf("a second delivery started %v", again)
		}
	})
}

func TestANewerRunSupersedesTheLoss(t *testing.T) {
	each(t, func(d desk) {
		lost := d.startedRun()
		d.do(lose(lost))
		d.startedRun()
		if restored := d.do(restore(lost)); len(restored) != 0 {
			d.Errorf("a superseded loss was restored: %v", restored)
		}
	})
}

func TestARecoveryRunInheritsParamsAndWatcher(t *testing.T) {
	each(t, func(d desk) {
		start := manual()
		start.Watcher, start.Params = "tab-1", []byte(`{"depth":3}`)
		lost := event[domain.RunStarted](d, d.do(start)).RunID
		d.do(lose(lost))
		back := d.do(restore(lost))
		again := event[domain.RunStarted](d, d.do(domain.Rescrape(event[domain.ConnectionRestored](d, back), back[0].ID, noon)[0]))
		if again.Watcher != "tab-1" || string(again.Params) != `{"depth":3}` {
			d.Errorf("recovery run %+v", again)
		}
	})
}

func TestARunIsOneStory(t *testing.T) {
	each(t, func(d desk) {
		started := d.do(manual())[0]
		e := event[domain.RunStarted](d, []eventstore.Recorded{started})
		lost := d.do(lose(e.RunID))[0]
		restored := d.do(restore(e.RunID))[0]
		for _, r := range []eventstore.Recorded{lost, restored} {
			if r.Metadata["correlation_id"] != started.Metadata["correlation_id"] {
				d.Errorf("%s is of another story", r.Type)
			}
		}
		if lost.Metadata["causation_id"] != started.ID.String() || restored.Metadata["causation_id"] != lost.ID.String() {
			d.Errorf("causes: %v, %v", lost.Metadata, restored.Metadata)
		}
		if started.Metadata["actor"] != "user:ada" || started.Metadata["instance"] != "here" {
			d.Errorf("metadata: %v", started.Metadata)
		}
	})
}

func TestLossAndReturnAreOneLineEach(t *testing.T) {
	each(t, func(d desk) {
		run := d.startedRun()
		d.do(lose(run))
		d.do(restore(run))
		lines := strings.Split(strings.TrimSpace(d.said.String()), "\n")
		if len(lines) != 2 {
			d.Fatalf("%d lines: %s", len(lines), d.said)
		}
		for i, level := range []string{"level=WARN", "level=INFO"} {
			for _, part := range []string{level, "run=" + run.String(), "scraper=" + shop, "cause=reset", "position="} {
				if !strings.Contains(lines[i], part) {
					d.Errorf("%q does not say %s", lines[i], part)
				}
			}
		}
	})
}

func TestWhatIsUnknownIsNotFound(t *testing.T) {
	each(t, func(d desk) {
		for _, c := range []domain.Command{
			lose(uuid.New()), domain.CancelRun{ToRun: domain.ToRun{RunID: uuid.New()}},
			domain.PauseScraper{ToScraper: domain.ToScraper{Scraper: "nobody"}},
			domain.StartScrape{ToScraper: domain.ToScraper{Scraper: "nobody"}, Trigger: domain.TriggerManual},
		} {
			if _, err := d.Handle(d.Context(), c, domain.Origin{}); !errors.Is(err, domain.ErrNotFound) {
				d.Errorf("%T: %v", c, err)
			}
		}
	})
}
