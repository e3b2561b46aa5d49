// Package webtest holds a canned service for the pages: a small log with every
// kind of run in it, read models that follow from it, and nothing that changes.
// Tests render it, and webtest/look serves it to be looked at.
package webtest

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/projections"
)

// Now is when the canned pages are made.
var Now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// Hostile is what a scraper may say of itself: markup, control characters, text
// that reads backwards and a word without an end.
const Hostile = "<script>alert(1)</script>\" onload='x' \x1b[31m\x00 \u202eevil\u202c {{.}} aVeryLongWordWithoutAnySpaceInItThatGoesOnAndOnAndOnAndOnAndOn"

// ago is a time before Now.
func ago(d time.Duration) time.Time { return Now.Add(-d) }

// RunID is the id of the n-th canned run.
func RunID(n int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("019a1b2c-3d4e-7f5a-8b6c-%012x", 0xa1b2c3d40000+n))
}

// The canned runs, by what they show.
var (
	Open      = RunID(1)
	Attached  = RunID(2)
	Lost      = RunID(3) // and its connection is not back
	Recovered = RunID(4)
	Recovery  = RunID(5) // recovers Recovered
	Failed    = RunID(6)
	Cancelled = RunID(7)
	Done      = RunID(8)
	Cut       = RunID(9) // lost, with hostile detail, superseded
)

func of[T any](v T) *T { return &v }

// Runs are the canned runs, newest first.
func Runs() []projections.Run {
	return []projections.Run{
		{ID: Open, Scraper: "shop-prices", Status: domain.StatusRunning, Trigger: domain.TriggerSchedule, StartedAt: ago(95 * time.Second), DueAt: ago(95 * time.Second), Instance: "i-7c1", Position: 20, StartPosition: 20},
		{ID: Attached, Scraper: "stock-levels", Status: domain.StatusRunning, Trigger: domain.TriggerManual, Watcher: "tab-4f1d", StartedAt: ago(4 * time.Minute), Instance: "i-7c1", Position: 19, StartPosition: 19, Params: json.RawMessage(`{"depth":3}`)},
		{ID: Lost, Scraper: "reviews", Status: domain.StatusConnectionFailed, Trigger: domain.TriggerSchedule, Link: domain.LinkScraper, StartedAt: ago(10 * time.Minute), EndedAt: ago(9*time.Minute + 19*time.Second), DurationMS: of[int64](41000), Cause: domain.CauseReset, Phase: domain.PhaseStreaming, Detail: "read tcp 127.0.0.1:40112->127.0.0.1:9090: connection reset by peer", Instance: "i-7c1", Position: 18, LastHeardAt: ago(9*time.Minute + 21*time.Second), Received: domain.Received{Events: 214, Bytes: 18233}},
		recovery(), recovered(),
		{ID: Failed, Scraper: "news", Status: domain.StatusFailed, Trigger: domain.TriggerSchedule, StartedAt: ago(50 * time.Minute), EndedAt: ago(50*time.Minute - 300*time.Millisecond), DurationMS: of[int64](300), Code: domain.CodeRejected, Detail: "the scraper answered 401", HTTPStatus: 401, Instance: "i-7c1", Position: 10},
		{ID: Cancelled, Scraper: "shop-prices", Status: domain.StatusCancelled, Trigger: domain.TriggerManual, StartedAt: ago(70 * time.Minute), EndedAt: ago(69 * time.Minute), DurationMS: of[int64](60000), Instance: "i-7c1", Position: 8, CancelledBy: "user:web", CancelReason: "wrong depth"},
		{ID: Done, Scraper: "shop-prices", Status: domain.StatusCompleted, Trigger: domain.TriggerSchedule, StartedAt: ago(75 * time.Minute), EndedAt: ago(73 * time.Minute), DurationMS: of[int64](120000), Items: of[int64](12345), Instance: "i-7c1", Position: 6},
		{ID: Cut, Scraper: "shop-prices", Status: domain.StatusConnectionFailed, Trigger: domain.TriggerSchedule, Link: domain.LinkScraper, StartedAt: ago(26 * time.Hour), EndedAt: ago(26*time.Hour - 3*time.Second), DurationMS: of[int64](3000), Cause: domain.CauseOther, Phase: domain.PhaseConnecting, Detail: Hostile, Instance: "i-7c1", Position: 5},
	}
}

func recovered() projections.Run {
	return projections.Run{
		ID: Recovered, Scraper: "shop-prices", Status: domain.StatusConnectionFailed, Trigger: domain.TriggerSchedule, Link: domain.LinkScraper,
		StartedAt: ago(31 * time.Minute), EndedAt: ago(29*time.Minute + 19*time.Second), DurationMS: of[int64](101000), Cause: domain.CauseIdleTimeout,
		Phase: domain.PhaseStreaming, Detail: "nothing was heard for 45s", Instance: "i-7c1", Position: 14, RecoveredBy: Recovery,
		LastHeardAt: ago(30*time.Minute + 4*time.Second), Received: domain.Received{Events: 1, Bytes: 80},
		RestoredAt: ago(28 * time.Minute), DownForMS: of[int64](79000), NoticedBy: domain.NoticedByProbe,
	}
}

func recovery() projections.Run {
	return projections.Run{
		ID: Recovery, Scraper: "shop-prices", Status: domain.StatusCompleted, Trigger: domain.TriggerRecovery, Recovers: Recovered,
		StartedAt: ago(28*time.Minute - 1200*time.Millisecond), EndedAt: ago(26 * time.Minute), DurationMS: of[int64](118800), Items: of[int64](310),
		Instance: "i-7c1", Position: 16,
	}
}

// Scrapers are the canned scrapers, by name.
func Scrapers() []projections.Scraper {
	return []projections.Scraper{
		scraper("news", "@hourly", func(s *projections.Scraper) {
			s.Paused, s.PausedAt, s.PausedBy, s.PausedReason = true, ago(45*time.Minute), "user:web", Hostile
			s.NextSlot = time.Time{}
			s.LastRun = projections.LastRun{ID: Failed, Status: domain.StatusFailed, StartedAt: ago(50 * time.Minute)}
		}),
		scraper("reviews", "@every 15m", func(s *projections.Scraper) {
			s.Connection = projections.Connection{State: projections.ConnectionLost, Since: ago(9*time.Minute + 19*time.Second), Cause: domain.CauseReset, Link: domain.LinkScraper, Run: Lost}
			s.LostRun = Lost
			s.LastRun = projections.LastRun{ID: Lost, Status: domain.StatusConnectionFailed, StartedAt: ago(10 * time.Minute)}
		}),
		scraper("shop-prices", "*/15 * * * *", func(s *projections.Scraper) {
			s.OpenRun, s.Instance = Open, "i-7c1"
			s.LastRun = projections.LastRun{ID: Open, Status: domain.StatusRunning, StartedAt: ago(95 * time.Second)}
			s.Config.Params, s.Config.HeadersEnv = map[string]any{"depth": 2}, map[string]string{"Authorization": "SHOP_TOKEN"}
		}),
		scraper("stock-levels", "", func(s *projections.Scraper) {
			s.Source, s.NextSlot, s.OpenRun = domain.SourceAPI, time.Time{}, Attached
			s.LastRun = projections.LastRun{ID: Attached, Status: domain.StatusRunning, StartedAt: ago(4 * time.Minute)}
		}),
		scraper("weather", "30 4 * * *", func(s *projections.Scraper) { s.NextSlot = Now.Add(16*time.Hour + 30*time.Minute) }),
	}
}

func scraper(name, schedule string, with func(*projections.Scraper)) projections.Scraper {
	c := domain.DefaultScraperConfig()
	c.Name, c.URL, c.Schedule, c.TimeZone = name, "http://127.0.0.1:9090/scrapes/"+name, schedule, "Europe/Berlin"
	c.Platforms = []string{"alpha", "beta"}
	s := projections.Scraper{
		Name: name, Source: domain.SourceFile, Config: c, ConfiguredAt: ago(48 * time.Hour), NextSlot: Now.Add(13*time.Minute + 25*time.Second),
		Connection: projections.Connection{State: projections.ConnectionUp}, Position: 1,
	}
	with(&s)
	return s
}

// Log is the canned log, in order.
func Log() []eventstore.Recorded {
	about := func(id uuid.UUID, scraper string, at time.Time) domain.AboutRun {
		return domain.AboutRun{RunID: id, Scraper: scraper, At: at}
	}
	shop := domain.AboutScraper{Scraper: "shop-prices", At: ago(48 * time.Hour)}
	news := domain.AboutScraper{Scraper: "news", At: ago(45 * time.Minute)}
	gone, back := recovered(), recovery()
	return record([]domain.Event{
		domain.ScraperConfigured{AboutScraper: shop, Source: domain.SourceFile, Config: Scrapers()[2].Config},
		domain.RunStarted{AboutRun: about(Cut, "shop-prices", ago(26*time.Hour)), Trigger: domain.TriggerSchedule, DueAt: ago(26 * time.Hour), Instance: "i-7c1"},
		domain.ConnectionLost{AboutRun: about(Cut, "shop-prices", ago(26*time.Hour-3*time.Second)), Link: domain.LinkScraper, Phase: domain.PhaseConnecting, Cause: domain.CauseOther, Detail: Hostile},
		domain.RunStarted{AboutRun: about(Done, "shop-prices", ago(75*time.Minute)), Trigger: domain.TriggerSchedule, Instance: "i-7c1"},
		domain.RunCompleted{AboutRun: about(Done, "shop-prices", ago(73*time.Minute)), Items: 12345, DurationMS: 120000},
		domain.RunCancelled{AboutRun: about(Cancelled, "shop-prices", ago(69*time.Minute)), By: "user:web", Reason: "wrong depth"},
		domain.RunFailed{AboutRun: about(Failed, "news", ago(50*time.Minute)), Code: domain.CodeRejected, Detail: "the scraper answered 401", HTTPStatus: 401},
		domain.ScraperPaused{AboutScraper: news, By: "user:web", Reason: Hostile},
		domain.RunStarted{AboutRun: about(Recovered, "shop-prices", gone.StartedAt), Trigger: domain.TriggerSchedule, Instance: "i-7c1"},
		domain.ConnectionLost{AboutRun: about(Recovered, "shop-prices", gone.EndedAt), Link: gone.Link, Phase: gone.Phase, Cause: gone.Cause, Detail: gone.Detail, LastHeardAt: gone.LastHeardAt, Received: gone.Received},
		domain.ConnectionRestored{AboutRun: about(Recovered, "shop-prices", gone.RestoredAt), Link: gone.Link, DownForMS: 79000, NoticedBy: domain.NoticedByProbe},
		domain.RunStarted{AboutRun: about(Recovery, "shop-prices", back.StartedAt), Trigger: domain.TriggerRecovery, Recovers: Recovered, Instance: "i-7c1"},
		domain.RunCompleted{AboutRun: about(Recovery, "shop-prices", back.EndedAt), Items: 310, DurationMS: 118800},
		domain.RunStarted{AboutRun: about(Lost, "reviews", ago(10*time.Minute)), Trigger: domain.TriggerSchedule, Instance: "i-7c1"},
		domain.ConnectionLost{AboutRun: about(Lost, "reviews", ago(9*time.Minute+19*time.Second)), Link: domain.LinkScraper, Phase: domain.PhaseStreaming, Cause: domain.CauseReset, Detail: Runs()[2].Detail, Received: domain.Received{Events: 214, Bytes: 18233}},
		domain.ScrapeSkipped{AboutScraper: domain.AboutScraper{Scraper: "reviews", At: ago(5 * time.Minute)}, Trigger: domain.TriggerSchedule, DueAt: ago(5 * time.Minute), Reason: domain.SkipConnectionLost},
		domain.RunStarted{AboutRun: about(Attached, "stock-levels", ago(4*time.Minute)), Trigger: domain.TriggerManual, Watcher: "tab-4f1d", Instance: "i-7c1", Params: json.RawMessage(`{"depth":3}`)},
		domain.RunStarted{AboutRun: about(Open, "shop-prices", ago(95*time.Second)), Trigger: domain.TriggerSchedule, Instance: "i-7c1"},
	})
}

func record(events []domain.Event) []eventstore.Recorded {
	versions := map[string]int64{}
	var records []eventstore.Recorded
	for i, e := range events {
		versions[e.Stream()]++
		records = append(records, Record(int64(i+1), versions[e.Stream()], e))
	}
	return records
}

// Record is an event as the log holds it.
func Record(position, version int64, e domain.Event) eventstore.Recorded {
	data, err := domain.Encode(e)
	if err != nil {
		panic(err)
	}
	return eventstore.Recorded{
		Position: position, Stream: e.Stream(), Version: version, ID: RunID(1000 + int(position)), Type: e.EventType(),
		RecordedAt: e.OccurredAt().Add(3 * time.Millisecond), Data: data,
		Metadata: eventstore.Metadata{"actor": "scheduler", "correlation_id": e.Stream(), "instance": "i-7c1"},
	}
}
