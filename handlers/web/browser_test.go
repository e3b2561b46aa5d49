package web_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"scrapelog/domain"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/live"
	"scrapelog/handlers/web"
	"scrapelog/handlers/web/webtest"
	"scrapelog/handlers/web/webtest/browser"
	"scrapelog/projections"
)

// chromium is one browser for all tests: starting one takes longer than most of them.
var chromium struct {
	once sync.Once
	tab  context.Context
	stop func()
}

func TestMain(m *testing.M) {
	code := eventstoretest.Main(m)
	if chromium.stop != nil {
		chromium.stop()
	}
	os.Exit(code)
}

// newTab opens an empty tab, for a test and not for longer than a few minutes.
func newTab(t *testing.T, atMost time.Duration) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("needs Chromium; make test runs it")
	}
	var err error
	chromium.once.Do(func() {
		chromium.tab, chromium.stop = browser.Start(context.Background())
		err = chromedp.Do(chromium.tab)
	})
	tab, closeTab := chromedp.NewContext(chromium.tab)
	t.Cleanup(closeTab)
	if err = errors.Join(err, chromedp.Do(tab)); err != nil {
		t.Fatal(err)
	}
	tab, cancel := context.WithTimeout(tab, atMost)
	t.Cleanup(cancel)
	return tab
}

// open opens a page of a canned service in a tab of its own.
func open(t *testing.T, path string) (context.Context, *webtest.Service) {
	t.Helper()
	s := webtest.New()
	base, tab := hosted(t, s), newTab(t, 3*time.Minute)
	if err := chromedp.Do(tab, chromedp.Navigate(base+path)); err != nil {
		t.Fatal(err)
	}
	return tab, s
}

// hosted serves a canned service on a port, which makes it an origin of its own.
func hosted(t *testing.T, s *webtest.Service) string {
	t.Helper()
	server := httptest.NewServer(serve(s))
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	return server.URL
}

// patience is how long a page may take to become what it is to be, on a machine
// that does much else.
const patience = 90 * time.Second

// becomes waits until an expression is true in the page, or in the one that the
// browser goes to meanwhile. It asks again and again: a page that is left while
// it waits for something takes what waits there with it.
func becomes(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`Boolean(`+expression+`)`))
		if err == nil && is {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("it never was so: %s (%v)", expression, err)
		case <-time.After(30 * time.Millisecond):
		}
	}
}

func do(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[any](expression)); err != nil {
		t.Fatal(err)
	}
}

func push(t *testing.T, s *webtest.Service, c projections.Changes) {
	t.Helper()
	messages, err := web.RenderFor(domain.RoleAdmin)(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		s.Messages <- m
	}
}

func TestABadgeChangesInAnOpenPage(t *testing.T) {
	ctx, s := open(t, "/runs?trigger=manual")
	run := webtest.Runs()[1]
	cell := `document.querySelector('[data-cell="status-` + run.ID.String() + `"]').textContent.trim()`
	becomes(t, ctx, cell+` === "Running"`)
	do(t, ctx, `document.querySelector("[name=q]").focus()`)

	run.Status, run.EndedAt.Time = domain.StatusConnectionFailed, run.StartedAt.Add(time.Minute)
	run.Cause, run.Link = domain.CauseReset, domain.LinkScraper
	s.Change(func() { s.Rows[1] = run })
	push(t, s, projections.Changes{Runs: []projections.Run{run}, Counts: projections.Counts{}, Position: webtest.Head + 1})
	becomes(t, ctx, cell+` === "Connection failed"`)
	becomes(t, ctx, `document.activeElement.name === "q"`)
}

func TestARunsPageTellsItsStoryAsItGoesOn(t *testing.T) {
	ctx, s := open(t, "/runs/"+webtest.Open.String())
	becomes(t, ctx, `document.querySelector(".sentence").textContent.includes("Running for")`)
	do(t, ctx, `document.querySelector(".chosen-event details").open = true`)
	push(t, s, projections.Changes{Runs: s.Rows[:1], Counts: projections.Counts{}, Position: webtest.Head + 1})
	becomes(t, ctx, `document.querySelector(".chosen-event details").open`)

	items := int64(7)
	done := s.Rows[0]
	done.Status, done.EndedAt.Time, done.Items = domain.StatusCompleted, done.StartedAt.Add(time.Minute), &items
	end := domain.RunCompleted{AboutRun: domain.AboutRun{RunID: done.ID, Scraper: done.Scraper, At: done.EndedAt.Time}, Items: items, DurationMS: 60_000}
	s.Change(func() { // the log too: of the same position tabs share a page
		s.Rows[0], s.Recorded = done, append(s.Recorded, webtest.Record(webtest.Head+1, 2, end))
	})
	push(t, s, projections.Changes{Runs: []projections.Run{done}, Counts: projections.Counts{}, Position: webtest.Head + 2})
	becomes(t, ctx, `document.querySelector(".sentence").textContent.includes("7\u00a0items")`)
}

// TestTheSliderAndTheChosenEvent: both change the page in place, and its address with it.
func TestTheSliderAndTheChosenEvent(t *testing.T) {
	ctx, _ := open(t, "/runs/"+webtest.Recovered.String())
	do(t, ctx, `window.same = true; document.querySelector(".moments a").click()`)
	becomes(t, ctx, `document.querySelector("#chosen").textContent.includes("Started by schedule") && location.search.startsWith("?event=") && window.same`)
	becomes(t, ctx, `document.activeElement.tagName === "BODY" || document.activeElement.matches(".moments a")`)
	do(t, ctx, `document.getElementById("step").focus()`)
	press(t, ctx, kb.ArrowLeft)
	becomes(t, ctx, `location.search === "?step=2" && document.querySelectorAll(".differs").length === 2 && window.same`)
	becomes(t, ctx, `document.activeElement.id === "step" && document.activeElement.value === "2"`)
	press(t, ctx, kb.ArrowLeft)
	becomes(t, ctx, `location.search === "?step=1" && document.querySelector(".sentence").textContent === "Running for 0\u00a0s."`)
	press(t, ctx, kb.End)
	becomes(t, ctx, `location.search === "?step=3" && document.querySelectorAll(".differs").length === 0 && document.querySelector(".without-script").offsetParent === null`)
}

// TestARunsPageIsLiveAgainAfterItsPast: the past stands still, the present goes on.
func TestARunsPageIsLiveAgainAfterItsPast(t *testing.T) {
	ctx, s := open(t, "/runs/"+webtest.Lost.String())
	do(t, ctx, `document.getElementById("step").focus()`)
	press(t, ctx, kb.ArrowLeft)
	becomes(t, ctx, `location.search === "?step=1" && document.querySelectorAll(".moments li").length === 1`)
	row := slices.IndexFunc(s.Rows, func(r projections.Run) bool { return r.ID == webtest.Lost })
	back := s.Rows[row]
	down := int64(60_000)
	back.RestoredAt, back.DownForMS, back.NoticedBy = back.EndedAt.Add(time.Minute), &down, domain.NoticedByProbe
	e := domain.ConnectionRestored{AboutRun: domain.AboutRun{RunID: back.ID, Scraper: back.Scraper, At: back.RestoredAt}, Link: domain.LinkScraper, DownForMS: down, NoticedBy: back.NoticedBy}
	s.Change(func() { s.Rows[row], s.Recorded = back, append(s.Recorded, webtest.Record(webtest.Head+1, 3, e)) })
	push(t, s, projections.Changes{Runs: []projections.Run{back}, Counts: projections.Counts{}, Position: webtest.Head + 1})
	becomes(t, ctx, `document.querySelector('[data-cell="head"]').textContent === "`+strconv.FormatInt(webtest.Head+1, 10)+`" && document.querySelectorAll(".moments li").length === 1`)
	do(t, ctx, `document.querySelector('.as-of a[href$="`+webtest.Lost.String()+`"]').click()`)
	becomes(t, ctx, `document.querySelectorAll(".moments li").length === 3`)
	back.RecoveredBy = webtest.RunID(77)
	next := webtest.RunOf(webtest.Open)
	next.ID, next.Scraper, next.Recovers, next.StartedAt.Time, next.StartPosition = back.RecoveredBy, back.Scraper, back.ID, back.RestoredAt.Add(time.Second), webtest.Head+2
	s.Change(func() {
		s.Rows[row], s.Rows = back, append(s.Rows, next)
		s.Recorded = append(s.Recorded, webtest.Record(webtest.Head+2, 1, domain.RunStarted{AboutRun: domain.AboutRun{RunID: next.ID, Scraper: next.Scraper, At: next.StartedAt.Time}, Trigger: domain.TriggerRecovery, Recovers: back.ID}))
	})
	push(t, s, projections.Changes{Runs: []projections.Run{back, next}, Counts: projections.Counts{}, Position: webtest.Head + 2})
	becomes(t, ctx, `document.querySelectorAll(".moments li").length === 4`)
}

func TestAPageThatMissedSomethingFetchesItselfAnew(t *testing.T) {
	ctx, s := open(t, "/events")
	s.Change(func() {
		s.Recorded = append(s.Recorded, webtest.Record(webtest.Head+1, 9, domain.ScraperResumed{AboutScraper: domain.AboutScraper{Scraper: "news", At: webtest.Now}}))
	})
	push(t, s, projections.Changes{State: true, Counts: projections.Counts{}, Position: webtest.Head + 1})
	becomes(t, ctx, `document.querySelector("tbody th").textContent === "`+strconv.FormatInt(webtest.Head+1, 10)+`"`)
}

// The banner comes after three missed beats and goes with the next one.
func TestThePagesOwnLostConnection(t *testing.T) {
	ctx, s := open(t, "/")
	becomes(t, ctx, `document.getElementById("live").dataset.beat === "5000"`)
	do(t, ctx, `document.getElementById("live").dataset.beat = 400`)
	s.Messages <- live.Message{Event: live.BeatEvent, Data: []byte("{}")}
	becomes(t, ctx, `!document.getElementById("live-lost").hidden && document.title.startsWith("(no live updates)")`)

	do(t, ctx, `document.getElementById("live").dataset.beat = 60000`)
	go beat(ctx, s) // a stream that is being replaced may swallow one
	becomes(t, ctx, `document.getElementById("live-lost").hidden && document.title.startsWith("1 lost")`)
}

func beat(ctx context.Context, s *webtest.Service) {
	for range time.Tick(50 * time.Millisecond) {
		select {
		case s.Messages <- live.Message{Event: live.BeatEvent, Data: []byte("{}")}:
		case <-ctx.Done():
			return
		}
	}
}

func TestTheWatcherOfAnAttachedRunIsTheTab(t *testing.T) {
	ctx, s := open(t, "/scrapers/reviews")
	do(t, ctx, `document.querySelector(".menu").open = true`)
	if err := chromedp.Do(ctx, chromedp.Click("form[data-attach] button")); err != nil {
		t.Fatal(err)
	}
	becomes(t, ctx, `location.pathname.startsWith("/runs/")`)
	becomes(t, ctx, `document.getElementById("live").getAttribute("hx-config").includes("pauseOnBackground:false")`)
	asked, _ := s.Asked()
	start, ok := asked[0].(domain.StartScrape)
	if !ok || len(start.Watcher) < 10 {
		t.Errorf("asked %#v", asked)
	}
	becomes(t, ctx, `sessionStorage.getItem("scrapelog.watcher") === "`+start.Watcher+`"`)
}
