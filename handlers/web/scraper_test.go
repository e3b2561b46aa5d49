package web_test

import (
	"strings"
	"testing"

	"scrapelog/handlers/web/webtest"
)

func TestTheTabsOfAScraper(t *testing.T) {
	e := serve(webtest.New())
	for path, want := range map[string]string{
		"/scrapers/shop-prices":                   "last-runs",
		"/scrapers/shop-prices?tab=outages":       "losses",
		"/scrapers/shop-prices?tab=configuration": "history",
	} {
		doc := document(t, get(e, path))
		if doc.Find("#"+want).Length() != 1 || doc.Find(".tabs [aria-current=true]").Length() != 1 {
			t.Errorf("%s has no %s", path, want)
		}
		if n := doc.Find(".numbers > div").Length(); n != 3 {
			t.Errorf("%s has %d numbers", path, n)
		}
		if n := doc.Find(".lane-line path.line").Length(); n != 2 {
			t.Errorf("%s has %d lines under its lane", path, n)
		}
	}
	if w := get(e, "/scrapers/shop-prices?tab=nope"); w.Code != 400 {
		t.Errorf("a tab that is none: %d", w.Code)
	}
	if n := document(t, get(e, "/scrapers/shop-prices")).Find(".slots time").Length(); n != 5 {
		t.Errorf("%d next slots", n)
	}
}

// TestAConfigurationIsComparedWithTheOneBefore: and marked where it is not the default.
func TestAConfigurationIsComparedWithTheOneBefore(t *testing.T) {
	var story webtest.Story
	for _, s := range webtest.Stories() {
		if s.Name == "scraper-configuration" {
			story = s
		}
	}
	doc := document(t, story.Page())
	marked := doc.Find("[aria-labelledby=configuration] mark").Text()
	for _, want := range []string{"idle_timeout: 30s", "depth: 3", "name: shop-prices"} {
		if !strings.Contains(marked, want) {
			t.Errorf("%q is not marked: %q", want, marked)
		}
	}
	if strings.Contains(marked, "max_duration") {
		t.Error("a default is marked")
	}
	first := doc.Find(".change").First()
	if came, went := first.Find("ins").Text(), first.Find("del").Text(); !strings.Contains(came, "+ idle_timeout: 30s") || !strings.Contains(went, "− idle_timeout: 45s") || strings.Contains(came+went, "connect_timeout") {
		t.Errorf("came %q, went %q", came, went)
	}
}

// TestAClosedTabIsNoOutage: an attached run that was stopped with its tab is told apart
// from losses on the overview, on the lanes and on the scraper's page.
func TestAClosedTabIsNoOutage(t *testing.T) {
	page := func(name string) string {
		for _, s := range webtest.Stories() {
			if s.Name == name {
				doc := document(t, s.Page())
				if n := doc.Find("main .loss, .lane-lost, .lane .away").Length(); n > 0 {
					t.Errorf("%s: %d parts look like a loss", name, n)
				}
				return words(doc.Find("main"))
			}
		}
		return ""
	}
	if text := page("overview-unwatched"); !strings.Contains(text, "are fine") || !strings.Contains(text, "Stopped with their tabs") || strings.Contains(text, "connection lost,") {
		t.Errorf("the overview: %q", text)
	}
	if text := page("scraper-unwatched"); !strings.Contains(text, "Its attached run was stopped with its tab at 2026-11-23 11:50:41 UTC") || !strings.Contains(text, "1 stopped with its tab") {
		t.Errorf("the scraper: %q", text)
	}
}
