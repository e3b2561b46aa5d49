package web_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"scrapelog/domain"
	"scrapelog/handlers/live"
	"scrapelog/handlers/web"
	"scrapelog/handlers/web/webtest"
)

// hub sends a canned service's state to its subscribers, and beats.
func hub(t *testing.T, s *webtest.Service, watchers *live.Watchers) *live.Hub {
	t.Helper()
	h := live.New(live.Config{Watchers: watchers, Source: s, Wake: func() (<-chan struct{}, func()) { return nil, func() {} }, Render: web.RenderFor(domain.RoleAdmin)})
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go func() { _ = h.Run(ctx) }() // ends with the test
	return h
}

// listen serves a canned service with a hub of its own at an address.
func listen(t *testing.T, s *webtest.Service, address string) (at string, stop func()) {
	t.Helper()
	return listenTo(t, s, address, nil)
}

func listenTo(t *testing.T, s *webtest.Service, address string, watchers *live.Watchers) (at string, stop func()) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	h := hub(t, s, watchers)
	server := &http.Server{Handler: webtest.Echo(s.Handler(h, nil)), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }() // until it is closed
	stop = func() {
		h.Close()
		_ = server.Close()
	}
	t.Cleanup(stop)
	return listener.Addr().String(), stop
}

// A page whose server went away says so, and when the server is back it shows by
// itself what it has missed.
func TestAServerThatIsStartedAnew(t *testing.T) {
	first := webtest.Empty()
	address, stop := listen(t, first, "127.0.0.1:0")
	tab := newTab(t, 3*time.Minute)
	if err := chromedp.Do(tab, chromedp.Navigate("http://"+address+"/runs")); err != nil {
		t.Fatal(err)
	}
	becomes(t, tab, `document.querySelector("main").textContent.includes("No runs yet") && document.getElementById("live").dataset.beat === "5000"`)
	stop()
	do(t, tab, `document.getElementById("live").dataset.beat = 400`)
	becomes(t, tab, `!document.getElementById("live-lost").hidden`)
	listen(t, webtest.New(), address)
	do(t, tab, `document.getElementById("live").dataset.beat = 5000`)
	becomes(t, tab, `document.getElementById("live-lost").hidden && document.querySelectorAll("main tbody tr").length > 5`)
}

// Browsers allow six connections to a host: the seventh tab hangs unless those
// that nobody sees give theirs up.
func TestTheSeventhTab(t *testing.T) {
	address, _ := listen(t, webtest.New(), "127.0.0.1:0")
	tabs := make([]context.Context, 7)
	for i := range tabs {
		tabs[i] = newTab(t, 3*time.Minute)
		if err := chromedp.Do(tabs[i], chromedp.Navigate("http://"+address+"/runs")); err != nil {
			t.Fatalf("tab %d: %v", i+1, err)
		}
		becomes(t, tabs[i], `document.querySelectorAll("main tbody tr").length > 5`)
		if i < len(tabs)-1 {
			look(t, tabs[i], true)
		}
	}
	becomes(t, tabs[6], `document.getElementById("live-lost").hidden`)
	do(t, tabs[6], `location.href = "/events"`)
	becomes(t, tabs[6], `location.pathname === "/events" && document.readyState === "complete"`)

	do(t, tabs[0], `document.getElementById("live").addEventListener("state", () => { window.told = true })`)
	look(t, tabs[0], false) // and a tab that comes back gets updates again
	becomes(t, tabs[0], `window.told === true`)
}

// A tab that is opened in the background is never told that it went there. It
// connects, hears how things stand, and gives its connection up all the same.
func TestTabsOpenedInTheBackground(t *testing.T) {
	var watchers live.Watchers
	address, _ := listenTo(t, webtest.New(), "127.0.0.1:0", &watchers)
	for n := range 6 {
		tab := newTab(t, 3*time.Minute)
		if err := chromedp.Do(tab, beforehand(lookAway(true)), chromedp.Navigate("http://"+address+"/runs")); err != nil {
			t.Fatalf("tab %d: %v", n+1, err)
		}
		id, err := chromedp.Run(tab, chromedp.Evaluate[string](`sessionStorage.getItem("scrapelog.watcher")`))
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the tab gives its connection up", func() bool {
			since, gone := watchers.GoneSince(id)
			return gone && !since.IsZero()
		})
	}
	seen := newTab(t, 3*time.Minute)
	if err := chromedp.Do(seen, chromedp.Navigate("http://"+address+"/runs")); err != nil {
		t.Fatal(err)
	}
	do(t, seen, `document.getElementById("live").addEventListener("beat", () => { window.beat = true })`)
	becomes(t, seen, `window.beat === true`)
}

func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never came so far: " + what)
		}
	}
}

// beforehand runs a script in every page of the tab before any of the page's own.
func beforehand(script string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		return err
	})
}

// look puts a tab into the background, as a person does who opens another one,
// or back to the front. The browser without a screen shows all of its tabs.
func look(t *testing.T, tab context.Context, away bool) {
	t.Helper()
	do(t, tab, lookAway(away)+`; document.dispatchEvent(new Event("visibilitychange"))`)
}

func lookAway(away bool) string {
	state := map[bool]string{true: "hidden", false: "visible"}[away]
	return fmt.Sprintf(`for (const [name, value] of [["hidden", %v], ["visibilityState", "%s"]]) {
		Object.defineProperty(document, name, {value, configurable: true});
	}`, away, state)
}
