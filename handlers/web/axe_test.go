package web_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/labstack/echo/v4"

	"scrapelog/handlers/web/assets"
	"scrapelog/handlers/web/webtest"
	"scrapelog/handlers/web/webtest/axe"
	"scrapelog/handlers/web/webtest/browser"
)

// Every page in every state: in both schemes, and on a small screen.
func TestEveryStoryCanBeReadByEverybody(t *testing.T) {
	e := echo.New()
	webtest.RegisterStories(e)
	e.GET(assets.Prefix+"*", echo.WrapHandler(assets.Handler()))
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	tab := newTab(t, 12*time.Minute)
	look := func(v browser.View, at func(url string)) {
		if err := chromedp.Do(tab, chromedp.Navigate("about:blank"), v.Set()); err != nil {
			t.Fatal(err)
		}
		at(server.URL + "/dev/stories")
		for _, story := range webtest.Stories() {
			at(server.URL + "/dev/stories/" + story.Name)
		}
	}
	look(browser.View{Width: 1280, Still: true}, func(url string) { check(t, tab, url) })
	look(browser.View{Width: 1280, Dark: true, Still: true}, func(url string) { check(t, tab, url, axe.Contrast) })
	look(browser.View{Width: 320, Still: true}, func(url string) { fits(t, tab, url) })
	// The narrowest screen on which tables are tables.
	if err := chromedp.Do(tab, browser.View{Width: 866, Still: true}.Set()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"overview", "runs", "scrapers", "scraper", "outages", "outage", "events", "audit-different"} {
		fits(t, tab, server.URL+"/dev/stories/"+name)
	}
}

// load opens a page and waits for its fonts: those that stand in for them are wider.
func load(t *testing.T, tab context.Context, url string) {
	t.Helper()
	if err := chromedp.Do(tab, chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
	becomes(t, tab, `document.readyState === "complete" && document.fonts.status === "loaded"`)
}

// fits reports whether nothing of a page lies beyond the edge of the screen, the
// opened parts included.
func fits(t *testing.T, tab context.Context, url string) {
	t.Helper()
	load(t, tab, url)
	do(t, tab, `document.querySelectorAll("main details").forEach((d) => { d.open = true })`)
	becomes(t, tab, `document.fonts.status === "loaded"`) // opened parts need more of them
	wide, err := chromedp.Run(tab, chromedp.Evaluate[int](`document.documentElement.scrollWidth - innerWidth`))
	if err != nil || wide > 0 {
		t.Errorf("%s is %d pixels too wide (%v)", url, wide, err)
	}
}

func check(t *testing.T, tab context.Context, url string, rules ...string) {
	t.Helper()
	load(t, tab, url)
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
