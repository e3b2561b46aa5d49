package web_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"scrapelog/domain"
	"scrapelog/handlers/web/webtest"
)

// stop is where the keyboard stands.
type stop struct {
	Wanted, Seen bool
	What         string
}

// focusOn goes from field to field as a keyboard does, until it stands on what is
// looked for. Wherever it stands, that can be seen.
func focusOn(t *testing.T, tab context.Context, wanted string) {
	t.Helper()
	for range 120 {
		press(t, tab, kb.Tab)
		at, err := chromedp.Run(tab, chromedp.Evaluate[stop](fmt.Sprintf(`(() => {
			const e = document.activeElement, s = getComputedStyle(e), row = e.closest("tr");
			const ring = (s) => s.outlineStyle !== "none" && s.outlineWidth !== "0px" || s.boxShadow !== "none";
			return {Wanted: Boolean(%s), What: e.outerHTML.slice(0, 120), Seen: e === document.body || ring(s) || row !== null && ring(getComputedStyle(row))};
		})()`, wanted)))
		if err != nil {
			t.Fatal(err)
		}
		if !at.Seen {
			t.Error("what has focus cannot be told from the rest:", at.What)
		}
		if at.Wanted {
			return
		}
	}
	t.Fatal("the keyboard does not get to", wanted)
}

const (
	theLink   = `e.matches("a") && e.textContent.trim() === "%s"`
	theButton = `e.matches("button") && e.textContent.trim() === "%s"`
)

// The main job with nothing but Tab, Enter and letters.
func TestTheMainJobByKeyboard(t *testing.T) {
	tab, s := open(t, "/")
	enter := func(form, what string) {
		focusOn(t, tab, fmt.Sprintf(form, what))
		press(t, tab, kb.Enter)
	}
	at := func(address string) {
		becomes(t, tab, `location.pathname + location.search === "`+address+`" && document.readyState === "complete"`)
	}
	enter(theLink, "Runs")
	at("/runs")
	focusOn(t, tab, `e.name === "q" && e.closest("main")`)
	press(t, tab, "scraper:shop-prices")
	becomes(t, tab, `document.activeElement.value === "scraper:shop-prices"`)
	enter(theButton, "Filter")
	becomes(t, tab, `location.search.includes("shop-prices") && document.readyState === "complete"`)
	enter(theLink, webtest.Open.String()[28:])
	at("/runs/" + webtest.Open.String())
	enter(theLink, "Scrapers")
	at("/scrapers")
	enter(theLink, "reviews")
	at("/scrapers/reviews")
	enter(theLink, "Pause…")
	becomes(t, tab, `document.activeElement.name === "reason"`)
	press(t, tab, "too many losses")
	enter(theButton, "Pause")
	becomes(t, tab, `document.querySelector("#toasts").textContent.includes("event ") && !document.querySelector("dialog[open]")`)
	enter(theButton, "Scrape now")
	becomes(t, tab, `location.pathname === "/runs/`+webtest.Open.String()+`"`)
	didTheMainJob(t, s)
}

// The same in a browser that runs no scripts.
func TestTheMainJobWithoutJavaScript(t *testing.T) {
	s := webtest.New()
	base, tab := hosted(t, s), newTab(t, 3*time.Minute)
	mute := chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	})
	click := func(at string) {
		t.Helper()
		if err := chromedp.Do(tab, chromedp.Click(at)); err != nil {
			t.Fatalf("%s: %v", at, err)
		}
	}
	if err := chromedp.Do(tab, mute, chromedp.Navigate(base+"/runs")); err != nil {
		t.Fatal(err)
	}
	becomes(t, tab, `typeof htmx === "undefined" && document.getElementById("zone").offsetParent === null`) // only a script can change zones
	do(t, tab, `document.querySelector("main [name=q]").value = "scraper:shop-prices"`)
	click(`main search button`)
	becomes(t, tab, `location.search.includes("shop-prices") && document.querySelectorAll("main tbody tr").length > 3`)
	click(`main tbody th a`)
	becomes(t, tab, `location.pathname === "/runs/`+webtest.Open.String()+`" && document.querySelector(".sentence") !== null`)
	if err := chromedp.Do(tab, chromedp.Navigate(base+"/scrapers/reviews")); err != nil {
		t.Fatal(err)
	}
	becomes(t, tab, `document.querySelector("form[data-attach]").offsetParent === null`) // only a script can watch
	click(`a[href$="/pause"]`)
	becomes(t, tab, `document.querySelector("main h1").textContent === "Pause reviews?"`)
	do(t, tab, `document.querySelector("[name=reason]").value = "too many losses"`)
	click(`form[action$="/pause"] button`)
	becomes(t, tab, `document.querySelector(".notice") !== null`)
	click(`form[action$="/runs"]:not([data-attach]) button`)
	becomes(t, tab, `location.pathname === "/runs/`+webtest.Open.String()+`"`)
	didTheMainJob(t, s)
}

func didTheMainJob(t *testing.T, s *webtest.Service) {
	t.Helper()
	asked, _ := s.Asked()
	if len(asked) != 2 {
		t.Fatalf("asked %#v", asked)
	}
	if pause, ok := asked[0].(domain.PauseScraper); !ok || pause.Scraper != "reviews" || pause.Reason != "too many losses" {
		t.Errorf("asked %#v", asked[0])
	}
	if start, ok := asked[1].(domain.StartScrape); !ok || start.Scraper != "reviews" {
		t.Errorf("asked %#v", asked[1])
	}
}

// Nothing moves for people who ask for reduced motion.
func TestNothingMovesWhenThatIsAskedFor(t *testing.T) {
	tab, _ := open(t, "/runs")
	for _, still := range []bool{false, true} {
		media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: map[bool]string{true: "reduce", false: "no-preference"}[still]}}}
		if err := chromedp.Do(tab, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, media)
			return err
		})); err != nil {
			t.Fatal(err)
		}
		becomes(t, tab, fmt.Sprintf(`(getComputedStyle(document.querySelector(".icon-loader")).animationName === "none") === %v`, still))
	}
}
