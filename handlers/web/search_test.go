package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"scrapelog/handlers/web/webtest"
	"scrapelog/handlers/web/webtest/axe"
)

func hitsOf(hits *goquery.Selection) string {
	return strings.Join(hits.Map(func(_ int, hit *goquery.Selection) string {
		where := hit.AttrOr("href", hit.AttrOr("data-press", hit.Parent().AttrOr("action", "")))
		return hit.Find("span").Text() + " " + where
	}), "; ")
}

func TestWhatASearchFinds(t *testing.T) {
	open := webtest.Open.String()
	e := serve(webtest.New())
	for text, want := range map[string]string{
		"weather":       "weather /scrapers/weather; Run weather /scrapers/weather/runs; Pause weather… /scrapers/weather/pause",
		"run weather":   "Run weather /scrapers/weather/runs",
		"pause weather": "Pause weather… /scrapers/weather/pause",
		"resume news":   "Resume news /scrapers/news/resume",
		"pause news":    "",
		open[28:]:       open[28:] + " /runs/" + open,
		"event 3":       "Event 3 /events/3",
		"151":           "",
		"verify":        "Verify the log /audit/verify",
		"outages":       "Outages /outages",
		"dark":          "Change the theme theme",
		"zzz":           "",
		"<script>":      "",
	} {
		page := document(t, get(e, "/search?q="+strings.NewReplacer(" ", "+", "<", "%3C").Replace(text)))
		sound(t, page)
		if got := hitsOf(page.Find("main [data-hit]")); got != want && !strings.HasPrefix(got, want+"; ") || want == "" && got != "" {
			t.Errorf("%q finds %s, want %s", text, got, want)
		}
		rows := document(t, get(e, "/search/hits?q="+strings.NewReplacer(" ", "+", "<", "%3C").Replace(text)))
		if got := hitsOf(rows.Find("[data-hit]")); got != hitsOf(page.Find("main [data-hit]")) {
			t.Errorf("%q: the palette has %s", text, got)
		}
	}
	if n := document(t, get(serve(crowded()), "/search/hits?q=shop")).Find("[data-hit]").Length(); n == 0 || n > 20 {
		t.Errorf("%d hits", n)
	}
	if n := document(t, get(e, "/search/hits?q="+strings.Repeat("a", 500))).Find("[data-hit]").Length(); n != 0 {
		t.Errorf("a long text has %d hits", n)
	}
}

func TestWhatAMissingPageMayHaveMeant(t *testing.T) {
	open := webtest.Open.String()
	e := serve(webtest.New())
	for path, want := range map[string]string{
		"/scrapers/wether":     "weather /scrapers/weather",
		"/weather":             "weather /scrapers/weather",
		"/outage":              "Outages /outages",
		"/log":                 "Log /events",
		"/" + open[28:]:        open[28:] + " /runs/" + open,
		"/scrapers/xxxxxxxxxx": "",
		"/%ff":                 "",
	} {
		w := get(e, path)
		doc := document(t, w)
		if got := hitsOf(doc.Find("main [data-hit]")); w.Code != 404 || got != want && !strings.HasPrefix(got, want+"; ") {
			t.Errorf("%s: %d, %s, want %s", path, w.Code, got, want)
		}
		if doc.Find("main search input[name=q]").Length() != 1 {
			t.Errorf("%s has no search", path)
		}
	}
	broken := webtest.New()
	broken.Err = fmt.Errorf("the disk is on fire")
	if w := get(serve(broken), "/nope"); w.Code != 404 {
		t.Errorf("without a database: %d", w.Code)
	}
}

// The palette by the keyboard: it opens, finds, goes, asks, and changes the page.
func TestThePalette(t *testing.T) {
	tab, s := open(t, "/events")
	chord := func(key string) {
		t.Helper()
		if err := chromedp.Do(tab, chromedp.KeyEvent(key, chromedp.KeyModifiers(2))); err != nil { // Ctrl
			t.Fatal(err)
		}
	}
	const shown, chosen = `document.getElementById("palette").open`, `document.getElementById(document.activeElement.getAttribute("aria-activedescendant"))?.textContent.includes(%q)`
	chord("k")
	becomes(t, tab, shown+` && document.activeElement.getAttribute("role") === "combobox"`)
	becomes(t, tab, fmt.Sprintf(chosen, "Overview"))
	press(t, tab, kb.ArrowDown)
	becomes(t, tab, fmt.Sprintf(chosen, "Scrapers"))
	press(t, tab, kb.ArrowUp+kb.ArrowUp)
	becomes(t, tab, fmt.Sprintf(chosen, "Keys"))
	findings, err := axe.Check(tab)
	if err != nil || len(findings) > 0 {
		t.Errorf("%v %v", findings, err)
	}
	press(t, tab, "weather"+kb.ArrowDown+kb.ArrowDown+kb.Enter) // without waiting for the hits
	becomes(t, tab, `!`+shown+` && document.querySelector("#ask-dialog[open] h1")?.textContent === "Pause weather?"`)
	press(t, tab, kb.Escape)
	becomes(t, tab, `!document.querySelector("dialog[open]")`)
	chord("k")
	press(t, tab, "dark"+kb.Enter)
	becomes(t, tab, `!`+shown+` && document.documentElement.dataset.theme === "light"`)
	chord("k")
	press(t, tab, "wea"+kb.Enter)
	becomes(t, tab, `location.pathname === "/scrapers/weather" && document.readyState === "complete"`)
	chord("k")
	press(t, tab, "run weather"+kb.Enter)
	becomes(t, tab, `location.pathname === "/runs/`+webtest.Open.String()+`"`)
	if asked, _ := s.Asked(); len(asked) != 1 {
		t.Errorf("asked %v", asked)
	}
}
