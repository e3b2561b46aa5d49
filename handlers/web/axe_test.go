package web_test

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"scrapelog/handlers/web/webtest"
	"scrapelog/handlers/web/webtest/axe"
	"scrapelog/handlers/web/webtest/browser"
)

// Every page, in its fullest and its emptiest state, in both schemes.
func TestAxeFindsNothing(t *testing.T) {
	tab := newTab(t, 8*time.Minute)
	empty := []string{"/", "/runs", "/scrapers", "/events", "/projections", "/audit", "/nope"}
	refused := webtest.New()
	refused.Blocked, refused.Sealing.Refused = webtest.Hostile, webtest.Hostile
	bases := map[string][]string{
		hosted(t, webtest.Empty()): empty,
		hosted(t, refused):         {"/", "/projections", "/audit"},
		hosted(t, webtest.New()):   distinct(),
	}
	for _, dark := range []bool{false, true} {
		rules := []string{axe.Contrast}
		if !dark {
			rules = nil // the others are the same in both
		}
		if err := chromedp.Do(tab, chromedp.Navigate("about:blank"), browser.View{Width: 1280, Dark: dark, Still: true}.Set()); err != nil {
			t.Fatal(err)
		}
		for base, pages := range bases {
			for _, page := range pages {
				check(t, tab, base+page, rules...)
			}
		}
	}
}

// distinct are the pages of the story without those that look alike.
func distinct() []string {
	var list []string
	for name, path := range paths() {
		switch name {
		case "events by type", "oldest events", "older events", "events by text", "json", "stream", "recovery run", "paused scraper", "runs by filter":
		default:
			list = append(list, path)
		}
	}
	return list
}

func check(t *testing.T, tab context.Context, url string, rules ...string) {
	t.Helper()
	if err := chromedp.Do(tab, chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
	findings, err := axe.Check(tab, rules...)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		t.Errorf("%s %v: %s", url, rules, f)
	}
}

// What a script opens is held to the same.
func TestAxeFindsNothingInWhatOpens(t *testing.T) {
	tab, _ := open(t, "/runs")
	do(t, tab, `document.getElementById("show-keys").click(); document.getElementById("live-lost").hidden = false`)
	for _, dark := range []bool{false, true} {
		if err := chromedp.Do(tab, browser.View{Dark: dark, Still: true}.Set()); err != nil {
			t.Fatal(err)
		}
		findings, err := axe.Check(tab)
		if err != nil || len(findings) > 0 {
			t.Errorf("dark %v: %v %v", dark, findings, err)
		}
	}
}
