package web_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"scrapelog/handlers/web/webtest"
)

// witness notes what no page should do: run what a person or a scraper wrote into
// the log, break its own policy, or fail.
const witness = `window.seen = [];
window.alert = (text) => seen.push("alert " + text);
addEventListener("securitypolicyviolation", (e) => seen.push(e.violatedDirective + " " + e.blockedURI));
addEventListener("error", (e) => seen.push("error " + e.message));`

// What scrapers, configurations and URLs say is text in the browser too, and the
// policy, which has no unsafe-*, is never broken by our own pages.
func TestWhatOthersSayIsNotDoneInABrowser(t *testing.T) {
	s := webtest.New()
	s.Blocked, s.Sealing.Refused = webtest.Hostile, webtest.Hostile
	base, tab := hosted(t, s), newTab(t, 5*time.Minute)
	if err := chromedp.Do(tab, beforehand(witness)); err != nil {
		t.Fatal(err)
	}
	said := url.QueryEscape(`"><img src=x onerror=alert(1)><script>alert(2)</script>`)
	for _, path := range []string{
		"/", "/runs", "/events", "/audit", "/projections", "/scrapers/news", "/scrapers/shop-prices", "/streams/scraper-news",
		"/runs/" + webtest.Cut.String(), "/runs/" + webtest.Cut.String() + "?view=json", "/runs/" + webtest.Open.String(),
		"/runs?scraper=" + said, "/runs?status=" + said, "/events?text=" + said, "/events?stream=" + said, "/streams/" + said, "/scrapers/" + said, "/" + said,
	} {
		if err := chromedp.Do(tab, chromedp.Navigate(base+path)); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		seen, err := chromedp.Run(tab, chromedp.Evaluate[[]string](`window.seen`))
		if err != nil || len(seen) > 0 {
			t.Errorf("%s: %v %v", path, seen, err)
		}
	}
	do(t, tab, `const s = document.createElement("script"); s.textContent = "1"; document.body.append(s)`)
	becomes(t, tab, `seen.length > 0`) // the witness is awake
}
