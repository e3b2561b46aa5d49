package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"scrapelog/domain"
	"scrapelog/handlers/web/webtest"
	"scrapelog/projections"
)

// crowded is a service with more scrapers than any list shows, each with a lost
// run and an open one.
func crowded() *webtest.Service {
	s := webtest.Empty()
	lost, run := webtest.Scrapers()[0], webtest.Runs()[0]
	lost.Connection.State, run.Status = projections.ConnectionLost, domain.StatusRunning
	for n := range 600 {
		lost.Name, run.ID = fmt.Sprintf("shop-%03d", n), webtest.RunID(n)
		s.Named, s.Rows = append(s.Named, lost), append(s.Rows, run)
	}
	return s
}

func TestAPageDoesNotGrowWithTheScrapers(t *testing.T) {
	e := serve(crowded())
	for path, want := range map[string]int{"/": 60, "/runs": 60, "/scrapers": 60} {
		doc := document(t, get(e, path))
		if rows := doc.Find("tr").Length() + doc.Find("option").Length(); rows > want {
			t.Errorf("%s has %d rows and choices, want at most %d", path, rows, want)
		}
	}
	says(t, e, "/", "The longest losses are shown. All runs that lost their connection")
	says(t, e, "/", "The newest are shown. All running")
	if choices := document(t, get(serve(webtest.New()), "/runs")).Find(`datalist option[value^="scraper:"]`).Length(); choices != len(webtest.Scrapers()) {
		t.Errorf("%d choices where there are few", choices)
	}
}

// TestThePageOfManyRunsIsSmall draws twenty lanes, each with more runs in the range than a
// page can tell of.
func TestThePageOfManyRunsIsSmall(t *testing.T) {
	s := webtest.Empty()
	scraper, run := webtest.Scrapers()[0], webtest.Runs()[0]
	for n := range 60 {
		scraper.Name = fmt.Sprintf("shop-%03d", n)
		s.Named = append(s.Named, scraper)
		for i := range 400 {
			run.ID, run.Scraper, run.Status = webtest.RunID(n*1000+i), scraper.Name, domain.StatusCompleted
			run.StartedAt.Time = time.Now().Add(-time.Duration(i) * 2 * time.Second)
			run.EndedAt.Time = run.StartedAt.Add(time.Second)
			s.Rows = append(s.Rows, run)
		}
	}
	e := serve(s)
	for _, path := range []string{"/", "/?range=1h", "/?range=7d", "/scrapers/shop-000?range=15m", "/scrapers"} {
		w := get(e, path)
		if size := w.Body.Len(); size > 300_000 {
			t.Errorf("%s has %d KB", path, size>>10)
		}
	}
	if doc := document(t, get(e, "/")); doc.Find(".lane").Length() != 20 || doc.Find(".lane .undrawn").Length() != 20 {
		t.Errorf("%d lanes, of which %d say that they leave runs out", doc.Find(".lane").Length(), doc.Find(".lane .undrawn").Length())
	}
}

// large is a service whose log has so many events of 100 KB, with a mark in each.
func large(events int) *webtest.Service {
	s := webtest.Empty()
	for i := range events {
		about := domain.AboutScraper{Scraper: "news", At: webtest.Now}
		s.Recorded = append(s.Recorded, webtest.Record(int64(i+1), int64(i+1), domain.ScraperPaused{AboutScraper: about, Reason: "needle " + strings.Repeat("x", 100_000)}))
	}
	return s
}

// A page of large events ends early, and leads to the rest. A download has them all.
func TestAPageOfLargeEventsEndsEarly(t *testing.T) {
	const events = 60
	e := serve(large(events))
	for _, first := range []string{"/events", "/events?text=needle", "/events?text=NEEDLE&stream=scraper-news"} {
		seen, pages := 0, 0
		for path := first; path != ""; pages++ {
			doc := document(t, get(e, path))
			rows := doc.Find("tbody tr").Length()
			if rows == 0 || rows > 30 {
				t.Fatalf("%s has %d rows", path, rows)
			}
			seen += rows
			path = doc.Find("a[rel=next]").AttrOr("href", "")
		}
		if seen != events || pages < 3 {
			t.Errorf("%s: %d events on %d pages", first, seen, pages)
		}
	}
	if lines := strings.Count(get(e, "/streams/scraper-news/events.ndjson").Body.String(), "\n"); lines != events {
		t.Errorf("a download has %d events", lines)
	}
}

func TestScrapersAreFoundByTheBeginningOfTheirName(t *testing.T) {
	e := serve(crowded())
	first := func(path string) string { return document(t, get(e, path)).Find("tbody th a").First().Text() }
	next, _ := document(t, get(e, "/scrapers")).Find(`a[rel=next]`).Attr("href")
	for path, want := range map[string]string{"/scrapers": "shop-000", next: "shop-050", "/scrapers?from=shop-4": "shop-400"} {
		if got := first(path); got != want {
			t.Errorf("%s begins with %q, want %q", path, got, want)
		}
	}
	if last := document(t, get(e, "/scrapers?from=shop-55")); last.Find("a[rel=next]").Length() > 0 || last.Find("tbody tr:not(.day)").Length() != 50 {
		t.Error("the last page leads on")
	}
	says(t, e, "/scrapers?from=z", "There are no scrapers after that name.")
	if w := get(e, "/scrapers?from=%00"); w.Code != 400 {
		t.Errorf("what no name begins with: %d", w.Code)
	}
	for path, want := range map[string]string{"/scrapers?q=-42": "shop-420", "/scrapers?q=-4+2": "shop-402", "/scrapers?q=shop&from=shop-1": "shop-100"} {
		if got := first(path); got != want {
			t.Errorf("%s begins with %q, want %q", path, got, want)
		}
	}
	says(t, e, "/scrapers?q=nope", "No scraper has “nope” in its name.")
}

func TestTabsCountUnderAFilter(t *testing.T) {
	tabs := func(s *webtest.Service, path string) string {
		return words(document(t, get(serve(s), path)).Find(".tabs a"))
	}
	s := webtest.New()
	want := 0
	for _, r := range s.Rows {
		if r.Scraper == "news" && r.Status == domain.StatusFailed {
			want++
		}
	}
	if got := tabs(s, "/runs?scraper=news&status=completed"); want == 0 || !strings.Contains(got, fmt.Sprintf("Failed %d", want)) {
		t.Errorf("%q, want %d failed", got, want)
	}
	if got := tabs(crowded(), "/runs?since=2020-01-01"); !strings.Contains(got, "Running 500+") {
		t.Errorf("many: %q", got)
	}
	if got := tabs(crowded(), "/runs"); !strings.Contains(got, "Running 600") {
		t.Errorf("what is kept: %q", got)
	}
	if live := document(t, get(serve(s), "/runs?scraper=news")).Find(".tabs [data-cell]").Length(); live > 0 {
		t.Error("a count under a filter is overwritten by that of all runs")
	}
}
