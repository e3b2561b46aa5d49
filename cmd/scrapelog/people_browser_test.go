package main_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
	chrome "scrapelog/handlers/web/webtest/browser"
)

// shop is a scraper that completes, or that is away.
type shop struct {
	*httptest.Server
	away atomic.Bool
	hold chan struct{} // each run waits for one before it ends
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{hold: make(chan struct{}, 100)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.away.Load() {
			panic(http.ErrAbortHandler) // the connection is cut
		}
		if r.Method != http.MethodPost {
			return
		}
		_, _ = io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
		case <-s.hold:
			if s.away.Load() {
				panic(http.ErrAbortHandler)
			}
			_, _ = io.WriteString(w, "event: completed\ndata: {\"items\":3}\n\n")
		}
	}))
	t.Cleanup(s.Server.Close)
	t.Cleanup(s.CloseClientConnections)
	return s
}

// person uses the pages of a real server in a browser.
type person struct {
	t   *testing.T
	tab context.Context
}

func (p person) sees(what, expression string) {
	p.t.Helper()
	pageShows(p.t, p.tab, time.Minute, what, expression)
}

func (p person) types(keys string) {
	p.t.Helper()
	if err := chromedp.Do(p.tab, chromedp.KeyEvent(keys)); err != nil {
		p.t.Fatal(err)
	}
}

func (p person) opensPalette() {
	p.t.Helper()
	if err := chromedp.Do(p.tab, chromedp.KeyEvent("k", chromedp.KeyModifiers(2))); err != nil { // Ctrl
		p.t.Fatal(err)
	}
	p.sees("the palette", `document.getElementById("palette").open && document.querySelector("#palette-hits [data-hit]")`)
}

func (p person) does(expression string) {
	p.t.Helper()
	if _, err := chromedp.Run(p.tab, chromedp.Evaluate[any](expression)); err != nil {
		p.t.Fatal(err)
	}
}

func (p person) toast(says string) {
	p.t.Helper()
	p.sees("the toast "+says, `document.getElementById("toasts").textContent.startsWith("`+says+`")`)
}

// TestPeopleAtABrowser is one visit to a real server: from the empty page over every
// interaction to a loss. The policy reports nothing on any page.
func TestPeopleAtABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium; make test runs it")
	}
	t.Parallel()
	listen, s := gatetest.FreeAddress(t), newShop(t)
	a := api{t, "http://" + listen}
	server := start(t, "serve", "--db", eventstoretest.SQLite(t).URL, "--listen", listen)
	a.ready()
	tab, stop := chrome.Start(t.Context())
	t.Cleanup(stop)
	reports := chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		source := `document.addEventListener("securitypolicyviolation", (e) => sessionStorage.setItem("reported", e.violatedDirective + " " + e.sourceFile))`
		_, err := cdp.Call(ctx, target, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: source})
		return err
	})
	if err := chromedp.Do(tab, reports, chromedp.Navigate(a.base+"/")); err != nil {
		t.Fatal(err)
	}
	p := person{t, tab}
	p.addsAScraper(s)
	p.runsIt(s)
	p.pausesIt(a)
	p.reads(a)
	p.losesIt(s)
	p.sees("no report of the policy", `sessionStorage.getItem("reported") === null`)

	// An action that does not get through says so, and stays.
	p.types("gs")
	p.sees("the list of scrapers", `location.pathname === "/scrapers" && document.readyState === "complete"`)
	server.kill()
	// The rows may have been replaced between the two keys: then a person presses them again.
	await(t, time.Minute, "the page says what went wrong", func() bool {
		p.types("jr")
		said, err := chromedp.Run(tab, chromedp.Evaluate[bool](`Boolean(document.querySelector("#alerts .toast")?.textContent.includes("cannot be reached"))`))
		return err == nil && said
	})
}

// addsAScraper copies the command of the empty page and runs it. The page becomes that of
// a server with a scraper by itself.
func (p person) addsAScraper(s *shop) {
	p.t.Helper()
	p.sees("the empty page", `document.querySelector(".empty h2").textContent === "Add your first scraper" && (window.same = true)`)
	p.does(`document.getElementById("kind-python").click()`)
	add, err := chromedp.Run(p.tab, chromedp.Evaluate[string](`Array.from(document.querySelectorAll(".panel")).find((panel) => panel.offsetParent).querySelector(".file:last-child [data-copy]").dataset.copy`))
	if err != nil {
		p.t.Fatal(err)
	}
	command := strings.NewReplacer("http://127.0.0.1:9090/", s.URL+"/", `, "schedule": "@every 1m"`, "").Replace(add)
	if out, err := exec.CommandContext(p.t.Context(), "sh", "-c", command).CombinedOutput(); err != nil {
		p.t.Fatalf("%s: %v\n%s", command, err, out)
	}
	p.sees("the lane", `window.same && document.querySelector(".lane-name a")?.textContent === "products"`)
}

func (p person) runsIt(s *shop) {
	p.t.Helper()
	p.opensPalette()
	p.types("run pro")
	p.sees("the command", `document.querySelector("#palette [aria-selected=true]")?.textContent.includes("Run products")`)
	p.types(kb.Enter)
	p.sees("the run's page", `location.pathname.startsWith("/runs/") && document.querySelector(".badge-running")`)
	p.toast("products started")
	p.types("c")
	p.sees("that the id is copied, or why not", `document.querySelector(".toasts").textContent.match(/Copied |Not copied/)`)
	s.hold <- struct{}{}
	p.sees("the run's end", `document.querySelector("main .badge-completed")`)
}

// pausesIt goes by keys alone, and takes it back.
func (p person) pausesIt(a api) {
	p.t.Helper()
	p.types("gs")
	p.sees("the list of scrapers", `location.pathname === "/scrapers" && document.readyState === "complete"`)
	p.types("jp")
	p.sees("the question", `document.querySelector("#ask-dialog[open] h1")?.textContent === "Pause products?" && document.activeElement.name === "reason"`)
	p.types("moving house" + kb.Enter)
	p.toast("products paused")
	p.sees("the page's own cell", `document.querySelector("main .state-paused, main .icon-pause")`)
	var state struct {
		Paused bool   `json:"paused"`
		Reason string `json:"paused_reason"`
	}
	a.do("GET", "/api/v1/scrapers/products", "", &state)
	if !state.Paused || state.Reason != "moving house" {
		p.t.Errorf("%+v", state)
	}
	p.does(`document.querySelector("#toasts form button").click()`)
	p.toast("products resumed")
	a.do("GET", "/api/v1/scrapers/products", "", &state)
	if state.Paused {
		p.t.Error("it is still paused")
	}
}

// reads the log, whose rows stay where they are meanwhile.
func (p person) reads(a api) {
	p.t.Helper()
	p.types("gl")
	p.sees("the log", `location.pathname === "/events" && document.readyState === "complete" && (window.rows = document.querySelectorAll("main tbody th a").length) > 3`)
	p.types("jj")
	p.sees("a row with focus", `document.activeElement === document.querySelectorAll("main tbody th a")[1] && (window.row = document.activeElement.closest("tr").getBoundingClientRect().top) > 0`)
	for _, action := range []string{"pause", "resume"} {
		if code := a.do("POST", "/api/v1/scrapers/products/"+action, `{"reason":"while somebody reads"}`, nil); code != http.StatusOK {
			p.t.Fatalf("%s: %d", action, code)
		}
	}
	p.sees("two new ones that wait", `document.getElementById("news").textContent === "2 new" && !document.getElementById("news").hidden`)
	p.sees("that its row has not moved", `document.activeElement.closest("tr").getBoundingClientRect().top === window.row && document.querySelectorAll("main tbody th a").length === window.rows`)
	p.does(`document.getElementById("news").click()`)
	p.sees("them", `document.querySelectorAll("main tbody th a").length === window.rows + 2 && document.getElementById("news").hidden`)
}

func (p person) losesIt(s *shop) {
	p.t.Helper()
	p.types("gs")
	p.sees("the list of scrapers", `location.pathname === "/scrapers" && document.readyState === "complete"`)
	p.types("jr")
	p.sees("the run's page", `location.pathname.startsWith("/runs/") && document.querySelector(".badge-running")`)
	s.away.Store(true)
	s.hold <- struct{}{}
	p.sees("the loss in the tab", `document.title.startsWith("1 lost · ") && document.getElementById("icon").href.includes("lost") && document.querySelector(".rail .count").textContent.includes("1")`)
	s.away.Store(false)
	s.hold <- struct{}{}
	p.sees("its end in the tab", `!document.title.includes("lost") && !document.getElementById("icon").href.includes("lost")`)
	p.types("go")
	p.sees("the overview", `location.pathname === "/" && document.readyState === "complete" && document.querySelector(".lane")`)
}
