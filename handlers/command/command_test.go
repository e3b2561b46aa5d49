package command_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"regexp"
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
		d := newDesk(t, db.Open(t))
		d.configured()
		test(d)
	})
}

func newDesk(t *testing.T, store *eventstore.Store) desk {
	said := &bytes.Buffer{}
	return desk{t, &command.Handler{
		Log: store, Instance: func() string { return "here" }, Now: func() time.Time { return noon },
		Follower: func(context.Context) (string, error) { return "least-loaded", nil },
		Logger:   slog.New(slog.NewTextHandler(said, nil)),
	}, store, said}
}

func (d desk) configured() {
	d.Helper()
	config := domain.DefaultScraperConfig()
	config.Name, config.URL = shop, "http://127.0.0.1:9090/scrapes/shop-prices"
	d.do(domain.ConfigureScraper{ToScraper: toShop, Source: domain.SourceAPI, Config: config})
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
		commands := domain.Rescrape(event[domain.ConnectionRestored](d, back), back[0].ID)
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
		again := event[domain.RunStarted](d, d.do(domain.Rescrape(event[domain.ConnectionRestored](d, back), back[0].ID)[0]))
		if again.Watcher != domain.WatcherDigest("tab-1") || string(again.Params) != `{"depth":3}` {
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

func TestEachEndOfARunAndEachReturnIsOneLine(t *testing.T) {
	for name, end := range map[string]struct {
		commands func(run uuid.UUID) []domain.Command
		lines    []string // the fields that each says
	}{
		"a lost connection and its return": {
			func(run uuid.UUID) []domain.Command { return []domain.Command{lose(run), restore(run)} },
			[]string{`level=WARN msg="connection lost" cause=reset link=scraper`, `level=INFO msg="connection restored" cause=reset noticed_by= down_for_ms=`},
		},
		"a completed run": {
			func(run uuid.UUID) []domain.Command {
				return []domain.Command{domain.ReportCompleted{ToRun: domain.ToRun{RunID: run}, Items: 7}}
			},
			[]string{`level=INFO msg="run completed" items=7 duration_ms=0`},
		},
		"a completed run that brought too little": {
			func(run uuid.UUID) []domain.Command {
				return []domain.Command{domain.ReportCompleted{ToRun: domain.ToRun{RunID: run}, MinItems: 3}}
			},
			[]string{`level=INFO msg="run completed" items=0 min_items=3 duration_ms=0`},
		},
		"a failed run": {
			func(run uuid.UUID) []domain.Command {
				return []domain.Command{domain.ReportFailed{ToRun: domain.ToRun{RunID: run}, Code: domain.CodeRejected, Detail: "no", HTTPStatus: 403}}
			},
			[]string{`level=WARN msg="run failed" code=rejected http_status=403 detail=no`},
		},
		"a run that failed without an HTTP status": {
			func(run uuid.UUID) []domain.Command {
				return []domain.Command{domain.ReportFailed{ToRun: domain.ToRun{RunID: run}, Code: domain.CodeTimeout, Detail: "late"}}
			},
			[]string{`level=WARN msg="run failed" code=timeout detail=late`},
		},
		"a cancelled run": {
			func(run uuid.UUID) []domain.Command {
				return []domain.Command{domain.CancelRun{ToRun: domain.ToRun{RunID: run}, By: "user:ada", Reason: "enough"}}
			},
			[]string{`level=INFO msg="run cancelled" by=user:ada reason=enough`},
		},
		"an end that came second": {
			func(run uuid.UUID) []domain.Command {
				return []domain.Command{domain.CancelRun{ToRun: domain.ToRun{RunID: run}, By: "user:ada"}, domain.CancelRun{ToRun: domain.ToRun{RunID: run}, By: "user:bob"}}
			},
			[]string{`level=INFO msg="run cancelled" by=user:ada`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(d desk) {
				run := d.startedRun()
				for _, c := range end.commands(run) {
					d.do(c)
				}
				d.saidLines(run, end.lines)
			})
		})
	}
}

// saidLines holds the log against the fields that each of its lines has.
func (d desk) saidLines(run uuid.UUID, want []string) {
	d.Helper()
	lines := strings.Split(strings.TrimSpace(d.said.String()), "\n")
	if len(lines) != len(want) {
		d.Fatalf("%d lines, want %d: %s", len(lines), len(want), d.said)
	}
	for i, line := range lines {
		for _, part := range append(fields(want[i]), "run="+run.String(), "scraper="+shop, "position=") {
			if !strings.Contains(line, part) {
				d.Errorf("%q does not say %s", line, part)
			}
		}
	}
}

// fields splits a line where a field begins.
func fields(line string) []string {
	return regexp.MustCompile(`[a-z_]+=("[^"]*"|[^ ]*)`).FindAllString(line, -1)
}

func TestALossSaysThatItRepeats(t *testing.T) {
	each(t, func(d desk) {
		known, upTo := domain.Streak{Cause: domain.CauseReset}, int64(0)
		d.Streak = func(_ context.Context, scraper string) (domain.Streak, int64, error) {
			if scraper != shop {
				d.Errorf("asked for %s", scraper)
			}
			return known, upTo, nil
		}
		for _, step := range []struct {
			runs, upTo int64
			want       string
		}{
			{1, 0, ""}, // two losses: not yet
			{2, 0, "lost the same way 3 times: reset after 0 ms"},
			{3, 1_000, "lost the same way 3 times: reset after 0 ms"}, // the read model has seen this one already
			{37, 0, "lost the same way 38 times: reset after 0 ms"},
		} {
			known.Runs, upTo = step.runs, step.upTo
			d.said.Reset()
			d.do(lose(d.startedRun()))
			if said := d.said.String(); strings.Contains(said, "streak=") != (step.want != "") || !strings.Contains(said, step.want) || strings.Count(said, "\n") != 1 {
				d.Errorf("%+v: %s", step, said)
			}
		}
		d.Streak = func(context.Context, string) (domain.Streak, int64, error) { return known, 0, errors.New("away") }
		d.said.Reset()
		d.do(lose(d.startedRun()))
		if said := d.said.String(); strings.Contains(said, "streak=") || strings.Count(said, "\n") != 1 {
			d.Errorf("when it is not known: %s", said)
		}
	})
}

func TestALineFollowsTheCommit(t *testing.T) {
	each(t, func(d desk) {
		run, failed := d.startedRun(), errors.New("rolled back")
		err := d.store.InTx(d.Context(), func(ctx context.Context, _ *sql.Tx) error {
			if _, err := d.Handle(ctx, lose(run), domain.Origin{}); err != nil {
				return err
			}
			return failed
		})
		if !errors.Is(err, failed) || d.said.Len() > 0 {
			d.Fatalf("%v; a loss that was rolled back is logged: %s", err, d.said)
		}
		err = d.store.InTx(d.Context(), func(ctx context.Context, _ *sql.Tx) error {
			_, err := d.Handle(ctx, lose(run), domain.Origin{})
			if d.said.Len() > 0 {
				d.Errorf("logged before the commit: %s", d.said)
			}
			return err
		})
		if err != nil {
			d.Fatal(err)
		}
		d.saidLines(run, []string{`msg="connection lost" cause=reset`})
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
