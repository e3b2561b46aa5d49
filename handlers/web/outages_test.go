package web_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"scrapelog/handlers/web/webtest"
)

func TestOutagePages(t *testing.T) {
	e := serve(webtest.New())
	w := get(e, "/outages")
	doc := document(t, w)
	rows := doc.Find("main > table tbody tr")
	if rows.Length() == 0 {
		t.Fatal("no outages")
	}
	href, _ := rows.First().Find("th a").Attr("href")
	one := document(t, get(e, href))
	sound(t, one)
	if !strings.HasPrefix(one.Find("h1").Text(), "Outage of http://") || one.Find("#lost-runs").Length() != 1 || one.Find("section tbody tr").Length() == 0 {
		t.Errorf("%s: %s", href, one.Find("main").Text())
	}
	id := strings.TrimPrefix(href, "/outages/")
	if w := get(e, "/outages/"+id[len(id)-8:]); w.Code != 302 || w.Header().Get("Location") != href {
		t.Errorf("a part of its id: %d %s", w.Code, w.Header().Get("Location"))
	}
	for path, want := range map[string]int{"/outages/x": 404, "/outages/123456": 404, "/outages?open=perhaps": 400, "/outages?opn=true": 400, "/outages?cursor=": 200} {
		if w := get(e, path); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}

// The days of a year are cells that lead to the outages of the day, with a table beside them.
func TestTheYearOfOutages(t *testing.T) {
	s := webtest.New()
	now := func() time.Time { return webtest.Now }
	e := webtest.Echo(s.Handler(s, now))
	doc := document(t, get(e, "/outages"))
	if text := words(doc.Find("h1")); text != "Outages, 1 open" {
		t.Error(text)
	}
	if text := words(doc.Find(".counts")); !strings.Contains(text, "3 runs whose watcher had gone, which is no outage") {
		t.Error(text)
	}
	cells, rows := doc.Find("svg.heat a"), doc.Find("section table tbody tr")
	if cells.Length() == 0 || rows.Length() < cells.Length() || doc.Find("svg.heat [style]").Length() > 0 {
		t.Errorf("%d cells, %d rows", cells.Length(), rows.Length())
	}
	today := cells.First()
	if title := today.Find("title").Text(); !strings.HasPrefix(title, "Mon 23 Nov 2026: away ") {
		t.Errorf("today: %q", title)
	}
	to, _ := today.Attr("href")
	if to != "/outages?since=2026-11-23&until=2026-11-24" {
		t.Errorf("today leads to %s", to)
	}
	day := document(t, get(e, to))
	if n := day.Find("main > table tbody tr").Length(); n == 0 || n == doc.Find("main > table tbody tr").Length() {
		t.Errorf("%d outages began today", n)
	}
	if text := words(day.Find(".chips")); text != "began on Mon 23 Nov 2026 ×" {
		t.Error(text)
	}
	says(t, e, "/outages?since=2020-01-01&until=2020-01-02", "No outage began then.")
	if empty := document(t, get(serve(webtest.Empty()), "/outages")); empty.Find("svg.heat a").Length() > 0 || !strings.Contains(words(empty.Find("main")), "No outages yet.") {
		t.Error("an empty year")
	}
	if w := get(e, "/outages?since=noon"); w.Code != 400 {
		t.Errorf("a time that is none: %d", w.Code)
	}
}

// TestAnOutageTellsWhatItCost: its lanes, the probes, who noticed the return, the slots
// that were skipped, and what to check.
func TestAnOutageTellsWhatItCost(t *testing.T) {
	page := func(name string) *goquery.Document {
		i := slices.IndexFunc(webtest.Stories(), func(s webtest.Story) bool { return s.Name == name })
		return document(t, webtest.Stories()[i].Page())
	}
	for name, tt := range map[string]struct {
		doc   *goquery.Document
		facts []string
		back  int
	}{
		"open":  {page("outage"), []string{"It is open.", "no return was seen", "reviews: a scrape by schedule was skipped"}, 0},
		"ended": {page("outage-ended"), []string{"1 lost, 1 recovered", "a probe was answered (1 run)", "Slots skippednone"}, 1},
	} {
		facts := words(tt.doc.Find("[aria-labelledby=facts]"))
		for _, want := range tt.facts {
			if !strings.Contains(strings.ReplaceAll(facts, " ", ""), strings.ReplaceAll(want, " ", "")) {
				t.Errorf("%s does not say %q: %s", name, want, facts)
			}
		}
		drawing := tt.doc.Find(".lanes-then")
		if drawing.Find(".bar-connection_failed").Length() == 0 || drawing.Find(".away").Length() == 0 || drawing.Find(".probe").Length() == 0 {
			t.Errorf("%s: a loss, the time away or the probes are not drawn", name)
		}
		if back, _ := drawing.Find("path.back").Attr("d"); strings.Count(back, "M") != tt.back {
			t.Errorf("%s: returns are drawn as %q", name, back)
		}
		if text := words(tt.doc.Find("[aria-labelledby=checks]")); !strings.Contains(text, "How to look") {
			t.Errorf("%s: what to check is %q", name, text)
		}
	}
}
