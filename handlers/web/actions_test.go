package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"scrapelog/domain"
	"scrapelog/handlers/web/webtest"
)

// head is the position of the canned log's last event.
var head = strconv.FormatInt(webtest.Head, 10)

func TestActions(t *testing.T) {
	run := "/runs/" + webtest.Open.String()
	tests := map[string]struct {
		path string
		form url.Values
		want domain.Command
		then string
	}{
		"scrape now": {"/scrapers/weather/runs", nil,
			domain.StartScrape{ToScraper: domain.ToScraper{Scraper: "weather"}, Trigger: domain.TriggerManual}, run + "?recorded=" + head},
		"scrape and watch, with params": {"/scrapers/weather/runs", url.Values{"attach": {"tab-1"}, "params": {`{"depth":3}`}},
			domain.StartScrape{ToScraper: domain.ToScraper{Scraper: "weather"}, Trigger: domain.TriggerManual, Watcher: "tab-1", Params: []byte(`{"depth":3}`)}, run + "?recorded=" + head},
		"cancel": {run + "/cancel", url.Values{"reason": {"wrong"}},
			domain.CancelRun{ToRun: domain.ToRun{RunID: webtest.Open}, By: "user:web", Reason: "wrong"}, run + "?recorded=" + head},
		"pause": {"/scrapers/weather/pause", url.Values{"reason": {"later"}},
			domain.PauseScraper{ToScraper: domain.ToScraper{Scraper: "weather"}, By: "user:web", Reason: "later"}, "/scrapers/weather?recorded=" + head},
		"resume": {"/scrapers/weather/resume", nil,
			domain.ResumeScraper{ToScraper: domain.ToScraper{Scraper: "weather"}, By: "user:web"}, "/scrapers/weather?recorded=" + head},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := webtest.New()
			w := post(serve(s), test.path, test.form)
			asked, by := s.Asked()
			if len(asked) != 1 || fmt.Sprintf("%#v", asked[0]) != fmt.Sprintf("%#v", test.want) || by.Actor != "user:web" {
				t.Errorf("asked %#v by %v, want %#v", asked, by, test.want)
			}
			if w.Code != http.StatusSeeOther || w.Header().Get("Location") != test.then || w.Header().Get("X-Log-Position") != head {
				t.Errorf("%d %v", w.Code, w.Header())
			}
		})
	}
}

func TestALostScraperIsProbedNow(t *testing.T) {
	s := webtest.New()
	e := serve(s)
	button := document(t, get(e, "/")).Find(`.loss form[action="/scrapers/reviews/probe"] button`)
	if name, _ := button.Attr("aria-label"); name != "Probe now: reviews" {
		t.Errorf("the card of the loss has the button %q", name)
	}
	w := post(e, "/scrapers/reviews/probe", nil)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/scrapers/reviews" || !slices.Equal(s.Probed(), []string{"reviews"}) {
		t.Errorf("%d %v, probed %q", w.Code, w.Header(), s.Probed())
	}
	if w := post(e, "/scrapers/nope/probe", nil); w.Code != http.StatusNotFound || len(s.Probed()) != 1 {
		t.Errorf("%d for a scraper that is not there, probed %q", w.Code, s.Probed())
	}
}

func TestRefusals(t *testing.T) {
	open := &domain.RunOpenError{Scraper: "weather", RunID: webtest.Open}
	tests := map[string]struct {
		path    string
		form    url.Values
		refusal error
		want    int
		says    string
	}{
		"a run is open":             {"/scrapers/weather/runs", nil, open, 409, "Go to the open run"},
		"the run has ended":         {"/runs/" + webtest.Done.String() + "/cancel", nil, fmt.Errorf("run: %w", domain.ErrFinished), 409, "ended"},
		"no such scraper":           {"/scrapers/x/pause", nil, fmt.Errorf("scraper: %w", domain.ErrNotFound), 404, "Not found"},
		"a watcher id that is none": {"/scrapers/weather/runs", url.Values{"attach": {"two words"}}, nil, 400, "attach"},
		"params that are none":      {"/scrapers/weather/runs", url.Values{"params": {"[]"}}, nil, 400, "params"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := webtest.New()
			s.Refusal = test.refusal
			w := post(serve(s), test.path, test.form)
			if w.Code != test.want || !strings.Contains(w.Body.String(), test.says) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

func TestAFormIsLimited(t *testing.T) {
	w := post(serve(webtest.New()), "/scrapers/weather/pause", url.Values{"reason": {strings.Repeat("x", 70<<10)}})
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("%d", w.Code)
	}
}

func TestAnActionThatPagesDoNotShowYet(t *testing.T) {
	s := webtest.New()
	s.Behind = context.DeadlineExceeded
	w := post(serve(s), "/scrapers/weather/runs", nil)
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "event "+head) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
