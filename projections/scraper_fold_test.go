package projections

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"scrapelog/domain"
)

// scraperAfter is the row of the scraper after events, at positions 1, 2, 3 …
func scraperAfter(events ...domain.Event) scraperRow {
	var r scraperRow
	for i, e := range events {
		r = r.evolve(int64(i+1), e)
	}
	return r
}

func TestAScrapersConnection(t *testing.T) {
	up := func(since float64) Connection { return Connection{State: ConnectionUp, Since: Time{at(since)}} }
	down := Connection{State: ConnectionLost, Since: Time{at(2)}, Cause: domain.CauseReset, Link: domain.LinkScraper, Run: runA}
	tests := map[string]struct {
		given []domain.Event
		want  Connection
	}{
		"is up before anything was lost":              {[]domain.Event{configured(0)}, Connection{State: ConnectionUp}},
		"is lost since the loss":                      {[]domain.Event{configured(0), started(runA, 1), lost(runA, 2)}, down},
		"stays lost when it is paused":                {[]domain.Event{configured(0), started(runA, 1), lost(runA, 2), domain.ScraperPaused{AboutScraper: aboutShop(3)}}, down},
		"is up since it was restored":                 {[]domain.Event{configured(0), started(runA, 1), lost(runA, 2), restored(runA, 9)}, up(9)},
		"is up when its recovery starts":              {[]domain.Event{configured(0), started(runA, 1), lost(runA, 2), restored(runA, 9), recovers(runB, runA, 10)}, up(9)},
		"is no longer lost once a newer run tries it": {[]domain.Event{configured(0), started(runA, 1), lost(runA, 2), started(runB, 5)}, up(5)},
		"is lost again since the newer loss": {
			[]domain.Event{configured(0), started(runB, 0), lost(runB, 1), restored(runB, 1.5), recovers(runA, runB, 1.5), lost(runA, 2)}, down,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := scraperAfter(test.given...).view(noon).Connection; got != test.want {
				t.Errorf("\n got %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestAScrapersRuns(t *testing.T) {
	s := scraperAfter(configured(0), started(runA, 1)).view(noon)
	if s.OpenRun != runA || s.Instance != "i1" || s.LastRun != (LastRun{runA, domain.StatusRunning, Time{at(1)}}) {
		t.Errorf("while it runs: %+v", s)
	}
	s = scraperAfter(configured(0), started(runA, 1), lost(runA, 2), restored(runA, 3)).view(noon)
	if s.OpenRun != zero || s.LostRun != runA || !s.Restored || s.LastRun.Status != domain.StatusConnectionFailed || s.Lost() {
		t.Errorf("once it is back: %+v", s)
	}
	// A late word about an older run is none about the last.
	s = scraperAfter(configured(0), started(runA, 1), lost(runA, 2), started(runB, 3), restored(runA, 4)).view(noon)
	if s.LastRun.ID != runB || s.LastRun.Status != domain.StatusRunning || s.Restored {
		t.Errorf("after a newer start: %+v", s)
	}
}

func TestWhatComesNextForALostScraper(t *testing.T) {
	alone := configured(0)
	alone.Config.Recovery.Enabled = false
	gone := lost(runA, 2)
	gone.Link, gone.Cause = domain.LinkWatcher, domain.CauseWatcherGone
	for name, test := range map[string]struct {
		given []domain.Event
		want  bool
	}{
		"up":                       {[]domain.Event{configured(0), started(runA, 1)}, false},
		"lost":                     {[]domain.Event{configured(0), started(runA, 1), lost(runA, 2)}, true},
		"lost and back":            {[]domain.Event{configured(0), started(runA, 1), lost(runA, 2), restored(runA, 3)}, false},
		"lost and paused":          {[]domain.Event{configured(0), started(runA, 1), lost(runA, 2), domain.ScraperPaused{AboutScraper: aboutShop(3)}}, false},
		"lost without recovery":    {[]domain.Event{alone, started(runA, 1), lost(runA, 2)}, false},
		"lost with its watcher":    {[]domain.Event{configured(0), started(runA, 1), gone}, false},
		"lost and then superseded": {[]domain.Event{configured(0), started(runA, 1), lost(runA, 2), started(runB, 3)}, false},
	} {
		if got := scraperAfter(test.given...).view(noon).AfterRecovery; got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestPausedScrapersAreFound(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		for i, name := range []string{"b", "a", "c", "gone"} {
			c := configured(0)
			c.Scraper, c.Config.Name = name, name
			log.Given(c, domain.ScraperPaused{AboutScraper: domain.AboutScraper{Scraper: name, At: at(float64(9 - i))}, By: "user:ada", Reason: "why not"})
		}
		log.Given(domain.ScraperRemoved{AboutScraper: domain.AboutScraper{Scraper: "gone", At: at(10)}}, domain.ScraperResumed{AboutScraper: domain.AboutScraper{Scraper: "b", At: at(11)}})
		paused, err := log.PausedScrapers(t.Context(), 2)
		if err != nil || len(paused) != 2 || paused[0].Name != "c" || paused[1].Name != "a" || paused[0].PausedBy != "user:ada" || paused[0].PausedReason != "why not" {
			t.Errorf("%+v, %v", paused, err)
		}
	})
}

func TestOverdueScrapersAreFound(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		for i, name := range []string{"b", "a", "c", "gone", "met"} {
			c := configured(0)
			c.Scraper, c.Config.Name, c.Config.Expect.SuccessWithin = name, name, domain.Duration(time.Minute)
			log.Given(c, domain.ScraperOverdue{AboutScraper: domain.AboutScraper{Scraper: name, At: at(float64(69 - i))}, Within: c.Config.Expect.SuccessWithin})
			c.Config.URL += "/all"
			log.Given(c)
		}
		run := about(runA, 70)
		run.Scraper = "met"
		log.Given(domain.ScraperRemoved{AboutScraper: domain.AboutScraper{Scraper: "gone", At: at(70)}}, domain.RunStarted{AboutRun: run}, domain.RunCompleted{AboutRun: run})
		overdue, err := log.OverdueScrapers(t.Context(), 3)
		if err != nil || len(overdue) != 3 || overdue[0].Name != "c" || overdue[1].Name != "a" || overdue[2].Name != "b" || !overdue[0].OverdueSince.Equal(at(67)) {
			t.Errorf("%+v, %v", overdue, err)
		}
	})
}

func TestAScrapersLastSuccess(t *testing.T) {
	short := completed(runB, 12, 0)
	short.MinItems = 1
	s := scraperAfter(configured(0), started(runA, 1), completed(runA, 9, 7), started(runB, 10), short, started(runB, 13), lost(runB, 14)).view(noon)
	if !s.LastSuccessAt.Equal(at(9)) || !s.OverdueSince.IsZero() {
		t.Errorf("%+v", s)
	}
	text, err := json.Marshal(s)
	if err != nil || !strings.Contains(string(text), `"last_success_at":"2026-11-23T12:00:09.000000Z"`) || strings.Contains(string(text), "overdue_since") {
		t.Errorf("%s, %v", text, err)
	}
}

func TestAScrapersStreak(t *testing.T) {
	twice := []domain.Event{configured(0), started(runA, 1), lost(runA, 2), restored(runA, 3), recovers(runB, runA, 3), lost(runB, 4)}
	want := domain.Streak{Cause: domain.CauseReset, Runs: 2, ShortestMS: 1000, LongestMS: 1000}
	if got := scraperAfter(twice...).view(noon).Streak; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := scraperAfter(append(twice, started(runA, 5), completed(runA, 6, 1))...).view(noon).Streak; got != (domain.Streak{}) {
		t.Errorf("after a run that completed: %+v", got)
	}
	// A late word about an older run is none about the last.
	if got := scraperAfter(append(twice, lost(runA, 9))...).view(noon).Streak; got != want {
		t.Errorf("after a second end: %+v", got)
	}
}

func TestAScrapersService(t *testing.T) {
	pause := domain.ScraperPaused{AboutScraper: aboutShop(1), By: "user:ada", Reason: "maintenance"}
	remove := domain.ScraperRemoved{AboutScraper: aboutShop(2)}
	skip := domain.ScrapeSkipped{AboutScraper: aboutShop(901), Trigger: domain.TriggerSchedule, DueAt: at(900), Reason: domain.SkipPaused}

	s := scraperAfter(configured(0)).view(at(60))
	if !s.NextSlot.Equal(at(900)) {
		t.Errorf("next slot %v", s.NextSlot)
	}
	if slots := s.Slots(at(60), 3); len(slots) != 3 || !slots[0].Equal(at(900)) || !slots[2].Equal(at(2700)) {
		t.Errorf("next slots %v", slots)
	}
	s = scraperAfter(configured(0), pause, skip).view(at(1000))
	if !s.Paused || !s.PausedAt.Equal(at(1)) || s.PausedBy != "user:ada" || s.PausedReason != "maintenance" || !s.NextSlot.IsZero() {
		t.Errorf("paused: %+v", s)
	}
	if s.LastSkip != (Skip{at(901), domain.TriggerSchedule, at(900), domain.SkipPaused}) || !s.LastDue.Equal(at(900)) {
		t.Errorf("skipped: %+v", s)
	}
	s = scraperAfter(configured(0), pause, domain.ScraperResumed{AboutScraper: aboutShop(3)}).view(at(60))
	if s.Paused || !s.PausedAt.IsZero() || s.PausedReason != "" || s.NextSlot.IsZero() {
		t.Errorf("resumed: %+v", s)
	}
	s = scraperAfter(configured(0), remove).view(at(60))
	if !s.Removed || !s.RemovedAt.Equal(at(2)) || !s.NextSlot.IsZero() {
		t.Errorf("removed: %+v", s)
	}
	s = scraperAfter(configured(0), remove, configured(5)).view(at(60))
	if s.Removed || !s.RemovedAt.IsZero() || !s.NextSlot.Equal(at(905)) {
		t.Errorf("configured again: %+v", s)
	}
}

func TestAScraperAsJSON(t *testing.T) {
	config, err := json.Marshal(configured(0).Config)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		given []domain.Event
		want  string
	}{
		"one that never ran": {
			[]domain.Event{configured(0)},
			`{"name":"shop","source":"file","paused":false,"config":` + string(config) + `,"connection":{"state":"up"},"next_slot":"2026-11-23T12:15:00.000000Z","position":1}`,
		},
		"one whose connection is lost": {
			[]domain.Event{configured(0), started(runA, 1), lost(runA, 2)},
			`{"name":"shop","source":"file","paused":false,"config":` + string(config) + `,"connection":{"state":"lost","since":"2026-11-23T12:00:02.000000Z","cause":"reset","link":"scraper","run":"00000000-0000-7000-8000-00000000000a"},` +
				`"last_run":{"id":"00000000-0000-7000-8000-00000000000a","status":"connection_failed","started_at":"2026-11-23T12:00:01.000000Z"},"next_slot":"2026-11-23T12:15:00.000000Z","after_recovery":true,"position":3}`,
		},
		"one whose runs are lost the same way": {
			[]domain.Event{configured(0), started(runA, 1), lost(runA, 13), started(runB, 20), lost(runB, 33)},
			`{"name":"shop","source":"file","paused":false,"config":` + string(config) + `,"connection":{"state":"lost","since":"2026-11-23T12:00:33.000000Z","cause":"reset","link":"scraper","run":"00000000-0000-7000-8000-00000000000b"},` +
				`"last_run":{"id":"00000000-0000-7000-8000-00000000000b","status":"connection_failed","started_at":"2026-11-23T12:00:20.000000Z"},"next_slot":"2026-11-23T12:15:00.000000Z","after_recovery":true,` +
				`"streak":{"cause":"reset","runs":2,"shortest_ms":12000,"longest_ms":13000},"position":5}`,
		},
		"one that runs, is paused and was removed": {
			[]domain.Event{configured(0), started(runA, 1), domain.ScraperPaused{AboutScraper: aboutShop(2), Reason: "why not"}, domain.ScraperRemoved{AboutScraper: aboutShop(3)}},
			`{"name":"shop","source":"file","paused":true,"paused_reason":"why not","removed":true,"config":` + string(config) + `,"connection":{"state":"up"},` +
				`"last_run":{"id":"00000000-0000-7000-8000-00000000000a","status":"running","started_at":"2026-11-23T12:00:01.000000Z"},"open_run":"00000000-0000-7000-8000-00000000000a","position":4}`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := json.Marshal(scraperAfter(test.given...).view(noon))
			if err != nil {
				t.Fatal(err)
			}
			same(t, "JSON", string(got), test.want)
		})
	}
}

func TestScrapersAreFound(t *testing.T) {
	other := func(name string) domain.ScraperConfigured {
		e := configured(0)
		e.Scraper, e.Config.Name = name, name
		return e
	}
	onEach(t, func(t *testing.T, log *testLog) {
		gone := domain.ScraperRemoved{AboutScraper: domain.AboutScraper{Scraper: "gone", At: at(1)}}
		log.Given(other("zoo"), configured(0), other("gone"), gone, started(runA, 1), lost(runA, 2))
		all, err := log.Scrapers(t.Context())
		if err != nil || len(all) != 2 || all[0].Name != "shop" || all[1].Name != "zoo" {
			t.Errorf("in service: %+v, %v", all, err)
		}
		down, err := log.LostScrapers(t.Context(), 9)
		if err != nil || len(down) != 1 || down[0].Name != "shop" || !down[0].Lost() {
			t.Errorf("lost: %+v, %v", down, err)
		}
		// What was written and read again is what was folded.
		read, err := log.Queries.Scraper(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		want := scraperAfter(configured(0), started(runA, 1), lost(runA, 2)).view(time.Now())
		want.Position = 6
		if !read.Config.Equal(want.Config) {
			t.Errorf("configuration: got %+v, want %+v", read.Config, want.Config)
		}
		read.Config, want.Config = domain.ScraperConfig{}, domain.ScraperConfig{}
		read.NextSlot, want.NextSlot = Time{}, Time{}
		gotJSON, _ := json.Marshal(read)
		wantJSON, _ := json.Marshal(want)
		same(t, "row", string(gotJSON), string(wantJSON))
		if removed, err := log.Queries.Scraper(t.Context(), "gone"); err != nil || !removed.Removed {
			t.Errorf("a removed one: %+v, %v", removed, err)
		}
		if _, err := log.Queries.Scraper(t.Context(), "never"); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("an unknown one: %v", err)
		}
		if _, err := log.Run(t.Context(), runB); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("an unknown run: %v", err)
		}
	})
}
