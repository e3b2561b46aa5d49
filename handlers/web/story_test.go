package web_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore/outbox"
	"scrapelog/handlers/web/webtest"
)

// TestALivePageSaysNothingThatIsNotLive: what lies outside the part that is
// fetched again must hold in every state.
func TestALivePageSaysNothingThatIsNotLive(t *testing.T) {
	e := serve(webtest.New())
	for _, path := range []string{"/", "/runs", "/scrapers", "/scrapers/reviews", "/events", "/projections", "/audit", "/runs/" + webtest.Open.String()} {
		doc := document(t, get(e, path))
		if n := doc.Find("main").Length(); n != 1 {
			t.Fatalf("%s has %d main parts", path, n)
		}
		doc.Find("main, #live-lost, dialog, [data-cell]").Remove() // the rest is told by live updates
		if n := doc.Find("body time").Length(); n > 0 || strings.Contains(words(doc.Find("footer nav")), "event") {
			t.Errorf("%s: %d times and %q stand where nothing is live", path, n, words(doc.Find("footer")))
		}
	}
}

func TestEveryPageWarnsOfMachinesThatNeedNoLogin(t *testing.T) {
	s := webtest.New()
	here := serve(s)
	s.OpenTo = "0.0.0.0:8080"
	open := serve(s)
	paths := []string{
		"/", "/runs", "/scrapers", "/scrapers/reviews", "/events", "/events/1", "/projections", "/audit", "/runs/" + webtest.Open.String(),
		"/streams/" + domain.RunStream(webtest.Open), "/nope", "/runs?status=nope",
	}
	for _, path := range paths {
		if got := words(document(t, get(open, path)).Find("#without-logins")); !strings.Contains(got, "0.0.0.0:8080") {
			t.Errorf("%s warns %q", path, got)
		}
		if document(t, get(here, path)).Find("#without-logins").Length() > 0 {
			t.Errorf("%s of a service on loopback warns of other machines", path)
		}
	}
}

func TestAPausedScraperIsOnTheOverview(t *testing.T) {
	doc := document(t, get(serve(webtest.New()), "/"))
	row := words(doc.Find("section[aria-labelledby=paused-now] tbody tr"))
	for _, want := range []string{"news", "user:web", `\u202e`} {
		if !strings.Contains(row, want) {
			t.Errorf("%q does not say %q", row, want)
		}
	}
	s := webtest.New()
	for i := range s.Named {
		s.Named[i].Paused = false
	}
	if n := document(t, get(serve(s), "/")).Find("#paused-now").Length(); n != 0 {
		t.Error("nothing is paused, and the overview has a section for it")
	}
}

func TestTheRecoveryComesBeforeTheNextSlotOfALostScraper(t *testing.T) {
	e := serve(webtest.New())
	for path, cell := range map[string]string{
		"/":         ".lane:contains(reviews) .lane-name .quiet",
		"/scrapers": "tr:contains(reviews) [data-label='Next']",
	} {
		if got := words(document(t, get(e, path)).Find("main").Find(cell)); !strings.HasSuffix(got, "after recovery") {
			t.Errorf("%s: %q", path, got)
		}
	}
	s := webtest.New()
	for i := range s.Named {
		s.Named[i].AfterRecovery = false // recovery is disabled
	}
	if got := words(document(t, get(serve(s), "/scrapers")).Find("tr:contains(reviews) [data-label='Next']")); !strings.Contains(got, "UTC") {
		t.Errorf("without recovery: %q", got)
	}
}

func TestAStreakIsOnTheScrapersPage(t *testing.T) {
	text := words(document(t, get(serve(webtest.New()), "/scrapers/reviews")).Find("main .sentence"))
	if want := "Its runs were lost the same way 38 times: reset after 12 to 13 s; a proxy or worker timeout?"; !strings.Contains(text, want) {
		t.Errorf("%q does not say %q", text, want)
	}
}

func TestWhatAScraperSaidIsOnTheRunsPage(t *testing.T) {
	s := webtest.New()
	for i := range s.Rows {
		if s.Rows[i].ID == webtest.Done {
			s.Rows[i].Note = "the last page repeated " + webtest.Hostile
		}
	}
	loss := &s.Recorded[eventOf(webtest.Recovered, 2).Position-1]
	loss.Data = bytes.Replace(loss.Data, []byte(`"received"`), []byte(`"last_event":"Completed","received"`), 1)
	e := serve(s)
	if text := words(document(t, get(e, "/runs/"+webtest.Done.String())).Find("main .facts")); !strings.Contains(text, "Notethe last page repeated") {
		t.Errorf("no note: %q", text)
	}
	if text := words(document(t, get(e, "/runs/"+webtest.Recovered.String())).Find("main .loss")); !strings.Contains(text, "Last eventCompleted") {
		t.Errorf("no last event: %q", text)
	}
	if short := domain.ShortID(webtest.Done); !strings.Contains(words(document(t, get(e, "/runs/"+webtest.Done.String())).Find("h1")), short) {
		t.Errorf("the title does not say %s", short)
	}
}

func TestNoticesGivenUpAreOnTheOverview(t *testing.T) {
	s := webtest.New()
	if got := words(document(t, get(serve(s), "/")).Find(".warning")); strings.Contains(got, "notice") {
		t.Errorf("every notice was taken, and the overview says %q", got)
	}
	s.Told[0].State = outbox.StateGivenUp
	warning := document(t, get(serve(s), "/")).Find(".warning")
	to, _ := warning.Find("a").Attr("href")
	if got := words(warning); to != "/notices" || !strings.Contains(got, "Given up: 1 notice.") {
		t.Errorf("the overview says %q, with a link to %q", got, to)
	}
}

// TestALaneShowsWhatBeganBeforeIt: a run, and a loss, that are older than the range.
func TestALaneShowsWhatBeganBeforeIt(t *testing.T) {
	s, since := webtest.New(), time.Now().Add(-2*time.Hour)
	for i := range s.Rows {
		if s.Rows[i].ID == webtest.Open {
			s.Rows[i].StartedAt.Time = since
		}
	}
	for i := range s.Named {
		if s.Named[i].Lost() {
			s.Named[i].Connection.Since.Time = since
		}
	}
	e := serve(s)
	for _, path := range []string{"/?range=15m", "/?range=24h"} {
		if n := document(t, get(e, path)).Find(".lane-lost .away").Length(); n == 0 {
			t.Errorf("%s: a connection that has been lost for two hours is not away", path)
		}
	}
	if n := document(t, get(e, "/?range=15m")).Find(".lane:contains(shop-prices) .bar-running").Length(); n != 1 {
		t.Errorf("%d runs are drawn of one that began two hours ago", n)
	}
}
