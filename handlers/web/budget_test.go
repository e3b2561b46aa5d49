//go:build !race

// Telling these logs takes minutes under the race detector: make test runs them without it.

package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/feed"
	"scrapelog/eventstore/instances"
	"scrapelog/handlers/web"
	"scrapelog/handlers/web/webtest"
	"scrapelog/projections"
	"scrapelog/projections/projectionstest"
)

// shape is the form of a log: how much there is of what, and where the long texts are.
type shape struct {
	letter   byte   // of which the texts are made
	place    byte   // where they are
	text     uint32 // bytes of each
	depth    uint16 // of the params
	scrapers uint8
	runs     uint16
	skipped  uint16
}

// allowed reports whether nothing is longer than the domain allows today.
func (s shape) allowed() bool { return s.text <= domain.MaxText && s.depth <= domain.MaxDepth }

var letters = []string{"x", "<", "&", `"`, "\x00", "\u202e", "é", "🙂", "-", "x\n", "{\"a\":", "/"}

// places are the fields that a log repeats on pages. Older events may exceed today's
// limits, so the texts do.
const (
	everywhere = iota
	inReason
	inDetail
	inParams
	inConfig
	inNote
	inPlatforms
	places
)

// words is the text for a place, which the others have a bit of.
func (s shape) words(place byte) string {
	n := 100
	if s.place%places == place || s.place%places == everywhere {
		n = int(s.text)
	}
	letter := letters[int(s.letter)%len(letters)]
	return strings.Repeat(letter, max(1, n/len(letter)))
}

func (s shape) params(place byte) json.RawMessage {
	text, _ := json.Marshal(s.words(place))
	depth := 1
	if s.place%places == place || s.place%places == everywhere {
		depth = max(1, int(s.depth))
	}
	return json.RawMessage(strings.Repeat(`{"a":`, depth) + string(text) + strings.Repeat("}", depth))
}

// fill tells a log of that shape.
func (s shape) fill(l *projectionstest.Log) (last []domain.AboutRun) {
	now := time.Now().Add(-time.Hour)
	var events []domain.Event
	for n := range int(s.scrapers) + 1 {
		about := domain.AboutScraper{Scraper: s.scraper(n), At: now}
		c := domain.DefaultScraperConfig()
		c.Name, c.URL, c.Schedule = about.Scraper, "http://127.0.0.1:9/"+s.words(inConfig), "@hourly"
		_ = json.Unmarshal(s.params(inConfig), &c.Params)
		if s.place%places == inPlatforms {
			c.Platforms = strings.Split(strings.Repeat("p,", int(s.text)/4), ",")
		}
		events = append(events, domain.ScraperConfigured{AboutScraper: about, Source: domain.SourceAPI, Config: c},
			domain.ScraperPaused{AboutScraper: about, By: "user", Reason: s.words(inReason)},
			domain.ScraperResumed{AboutScraper: about, By: "user", Reason: s.words(inReason)},
			domain.ScraperOverdue{AboutScraper: about, Within: domain.Duration(time.Hour)})
	}
	for n := range int(s.skipped) { // a long life of a scraper
		at := now.Add(time.Duration(n) * time.Millisecond)
		events = append(events, domain.ScrapeSkipped{AboutScraper: domain.AboutScraper{Scraper: s.scraper(0), At: at}, Trigger: domain.TriggerSchedule, DueAt: at, Reason: domain.SkipRunOpen})
	}
	for n := range int(s.runs) + 6 {
		at := now.Add(time.Duration(n) * time.Second)
		id := uuid.UUID{6: 0x70, 8: 0x80, 0: byte(n >> 8), 1: byte(n)}
		about := domain.AboutRun{RunID: id, Scraper: s.scraper(n % (int(s.scrapers) + 1)), At: at}
		last = append(last, about)
		events = append(events, domain.RunStarted{AboutRun: about, Trigger: domain.TriggerManual, Instance: "i1", Params: s.params(inParams)})
		about.At = at.Add(time.Millisecond * 500)
		switch n % 5 {
		case 0:
			events = append(events, domain.ConnectionLost{AboutRun: about, Link: domain.LinkScraper, Phase: domain.PhaseStreaming, Cause: domain.CauseEOF, Detail: s.words(inDetail), LastEvent: s.words(inDetail)})
		case 1:
			events = append(events, domain.RunCompleted{AboutRun: about, Items: 3, Note: s.words(inNote)})
		case 2:
			events = append(events, domain.RunFailed{AboutRun: about, Code: domain.CodeScraperError, Detail: s.words(inDetail)})
		case 3:
			events = append(events, domain.RunCancelled{AboutRun: about, By: "user", Reason: s.words(inReason)})
		}
	}
	l.Given(events...)
	return last[max(0, len(last)-6):]
}

func (s shape) scraper(n int) string { return fmt.Sprintf("%03d-%s", n, strings.Repeat("s", 59)) }

// real serves the pages of a log.
func real(t *testing.T, l *projectionstest.Log) *echo.Echo {
	canned := webtest.Empty()
	config := canned.Config(canned, nil)
	config.Queries, config.Events, config.Findings = projections.NewQueries(l.Store), l.Store, l.Store
	config.Groups, config.Instances = feed.New(l.Store).GroupStates, instances.New(l.Store).Holdings
	h := web.New(config)
	return webtest.Echo(h)
}

// keepsBudget asks for every page of a log of that shape.
func keepsBudget(t *testing.T, s shape) {
	l := projectionstest.Open(t, eventstoretest.SQLite(t), projections.Ensure, projections.All())
	runs := s.fill(l)
	e := real(t, l)
	head, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{
		"/", "/?range=7d", "/runs", "/runs?status=failed", "/runs?q=" + s.scraper(0), "/scrapers", "/scrapers/" + s.scraper(0), "/scrapers/" + s.scraper(0) + "?range=7d", "/scrapers/" + s.scraper(0) + "/pause",
		"/outages", "/events", "/events?view=time", "/events?text=xx", "/events?stream=" + domain.ScraperStream(s.scraper(0)), "/events/1", fmt.Sprint("/events/", head), fmt.Sprint("/events/", head-1),
		"/streams/" + domain.ScraperStream(s.scraper(0)), "/audit", "/projections", "/notices", "/docs",
	}
	for _, r := range runs {
		paths = append(paths, "/runs/"+r.RunID.String(), "/streams/"+domain.RunStream(r.RunID))
	}
	for _, path := range paths {
		var w *httptest.ResponseRecorder
		var cpu time.Duration
		var memory uint64
		within := true
		// A search reads as much of the log as it may, whatever it finds.
		if do := func() { w = get(e, path) }; s.allowed() && !strings.Contains(path, "text=") {
			cpu, memory, within = webtest.Within(do)
		} else {
			do()
		}
		if size := w.Body.Len(); size > webtest.BudgetPage || !within || w.Code != http.StatusOK {
			t.Errorf("%+v: %s answered %d, %d KB, cost %s and %d KiB", s, path, w.Code, size>>10, cpu, memory>>10)
		}
	}
}

// FuzzPagesKeepTheirBudget tells logs of any form. Those that were once too much for a
// page are here and in testdata.
func FuzzPagesKeepTheirBudget(f *testing.F) {
	add := func(s shape) { f.Add(s.letter, s.place, s.text, s.depth, s.scrapers, s.runs, s.skipped) }
	add(shape{})
	for place := range byte(places) {
		add(shape{letter: place + 1, place: place, text: 100 << 10, depth: 3, scrapers: 3, runs: 14})
	}
	add(shape{letter: 3, place: inReason, text: 500, scrapers: 60, runs: 400})
	add(shape{letter: 1, place: inParams, text: 10, depth: 900, scrapers: 3, runs: 60})
	add(shape{letter: 1, place: inConfig, text: 10, depth: 900, scrapers: 3, runs: 20})
	add(shape{letter: 1, place: everywhere, text: 500, depth: 32, scrapers: 120, runs: 600, skipped: 600})
	f.Fuzz(func(t *testing.T, letter, place byte, text uint32, depth uint16, scrapers uint8, runs, skipped uint16) {
		s := shape{letter, place, text % (200 << 10), depth % 950, scrapers, runs % 1000, skipped % 1000} // SQLite reads 1,000 levels
		if s.place%places == everywhere && int(s.text)*(int(s.runs)+int(s.scrapers)) > 20<<20 {
			s.text = 500 // a larger log takes too long to tell
		}
		keepsBudget(t, s)
	})
}
