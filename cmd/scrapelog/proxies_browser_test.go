package main_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"scrapelog/handlers/gate/gatetest"
	chrome "scrapelog/handlers/web/webtest/browser"
)

// TestABrowserHearsThroughCompressingProxies opens a page of a real server behind each
// proxy in Chromium. The page itself comes compressed over HTTP/2, and its live updates,
// the tail and the watch stream come as they happen.
func TestABrowserHearsThroughCompressingProxies(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium, nginx, Caddy and HAProxy; make test runs it")
	}
	t.Parallel()
	listen := gatetest.FreeAddress(t)
	a := api{t, "http://" + listen}
	startBehindProxy(t, listen)
	a.ready()
	if code := a.do("PUT", "/api/v1/scrapers/shop", `{"url":"http://127.0.0.1:9/shop"}`, nil); code != http.StatusCreated {
		t.Fatalf("configuring: %d", code)
	}
	chromium, stop := chrome.Start(t.Context(), chromedp.Flag("ignore-certificate-errors", true))
	t.Cleanup(stop)
	if err := chromedp.Do(chromium); err != nil {
		t.Fatal(err)
	}
	for name := range proxies {
		t.Run(name, func(t *testing.T) {
			front := startProxy(t, name, listen)
			tab, closeTab := chromedp.NewContext(chromium)
			t.Cleanup(closeTab)
			if err := chromedp.Do(tab, chromedp.Navigate(front+"/scrapers/shop")); err != nil {
				t.Fatal(err)
			}
			pageShows(t, tab, time.Minute, "a compressed page over HTTP/2", `(() => {
				const [page] = performance.getEntriesByType("navigation");
				return page.nextHopProtocol === "h2" && page.encodedBodySize < page.decodedBodySize;
			})()`)
			listenToStreams(t, tab)
			late := map[string]int{}
			hears := func(what, expression string) {
				began := time.Now()
				pageShows(t, tab, time.Minute, what, expression)
				if time.Since(began) > 4*time.Second { // a beat comes every 5 s, and may push along what was held back
					late[what]++
				}
			}
			for _, action := range []string{"pause", "resume", "pause", "resume"} {
				reason := fmt.Sprintf("%s at %d", action, time.Now().UnixNano())
				if code := a.do("POST", "/api/v1/scrapers/shop/"+action, fmt.Sprintf(`{"reason":%q}`, reason), nil); code != http.StatusOK {
					t.Fatalf("%s: %d", action, code)
				}
				paused := fmt.Sprint(action == "pause")
				hears("the page's live updates", `document.querySelector("main").textContent.includes("`+reason+`") || !`+paused+` && document.querySelector(".state-paused") === null`)
				hears("the tail", `tailed.some((m) => m.includes("`+reason+`"))`)
				hears("the watch stream", `watched.at(-1).includes('"paused":`+paused+`')`)
			}
			for what, times := range late {
				if times > 2 { // of 4: a busy machine may be late as well
					t.Errorf("%s: held back %d times", what, times)
				}
			}
			pageShows(t, tab, time.Minute, "no lost connection", `failures === 0 && document.getElementById("live-lost").hidden`)
		})
	}
}

// listenToStreams opens the tail and the watch stream in the page, and waits until both
// are open.
func listenToStreams(t *testing.T, tab context.Context) {
	t.Helper()
	_, err := chromedp.Run(tab, chromedp.Evaluate[any](`
		window.failures = 0, window.tailed = [], window.watched = [], window.opened = 0;
		for (const [path, heard] of [["/api/v1/events/stream", tailed], ["/api/v1/watch?id=browser", watched]]) {
			const source = new EventSource(path);
			source.onopen = () => opened++;
			source.onerror = () => failures++;
			for (const name of ["message", "state", "scraper", "scraper.paused", "scraper.resumed"]) {
				source.addEventListener(name, (m) => heard.push(m.data));
			}
		}
		null`))
	if err != nil {
		t.Fatal(err)
	}
	pageShows(t, tab, time.Minute, "open streams", `opened === 2 && watched.length > 0`)
}

// pageShows waits until an expression is true in the page.
func pageShows(t *testing.T, tab context.Context, within time.Duration, what, expression string) {
	t.Helper()
	await(t, within, what, func() bool {
		is, err := chromedp.Run(tab, chromedp.Evaluate[bool](`Boolean(`+expression+`)`))
		return err == nil && is
	})
}
