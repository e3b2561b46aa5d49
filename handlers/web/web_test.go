package web_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/web"
	"scrapelog/handlers/web/webtest"
)

// serve makes an echo with the pages of a canned service.
func serve(s *webtest.Service) *echo.Echo { return webtest.Echo(s.Handler(s, nil)) }

func ask(e *echo.Echo, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

// get asks for a page as a browser on this machine does.
func get(e *echo.Echo, path string) *httptest.ResponseRecorder {
	return ask(e, httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil))
}

func post(e *echo.Echo, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "http://localhost"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return ask(e, r)
}

func document(t *testing.T, w *httptest.ResponseRecorder) *goquery.Document {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func paths() map[string]string {
	return map[string]string{
		"overview": "/", "runs": "/runs", "runs by filter": "/runs?status=failed&scraper=news&trigger=schedule&since=2026-11-01T00:00",
		"open run": "/runs/" + webtest.Open.String(), "attached run": "/runs/" + webtest.Attached.String(), "lost run": "/runs/" + webtest.Lost.String(),
		"recovered run": "/runs/" + webtest.Recovered.String(), "recovery run": "/runs/" + webtest.Recovery.String(),
		"failed run": "/runs/" + webtest.Failed.String(), "cancelled run": "/runs/" + webtest.Cancelled.String(),
		"completed run": "/runs/" + webtest.Done.String(), "hostile run": "/runs/" + webtest.Cut.String(), "flapping": "/runs/" + webtest.FlapTwo.String(), "as of its start": asOf(webtest.Recovered, 1), "as of its end": asOf(webtest.Done, 2),
		"compact": "/runs/" + webtest.Cut.String() + "?view=compact", "json": "/runs/" + webtest.Cut.String() + "?view=json", "what was recorded": "/runs/" + webtest.Open.String() + "?recorded=" + head,
		"scrapers": "/scrapers", "scraper": "/scrapers/shop-prices", "its outages": "/scrapers/shop-prices?tab=outages", "its configuration": "/scrapers/news?tab=configuration", "paused scraper": "/scrapers/news", "lost scraper": "/scrapers/reviews",
		"outages": "/outages", "open outages": "/outages?open=true", "no outage": "/outages/" + webtest.RunID(99).String(),
		"events": "/events", "events by type": "/events?type=run.started", "oldest events": "/events?after=0", "older events": "/events?upto=5",
		"events by text": "/events?text=reset", "no events": "/events?text=nowhere", "events by time": "/events?since=2026-11-23T11:00&until=2026-11-23T11:40",
		"event": "/events/3", "an event with a cause": "/events/144", "stream": "/streams/scraper-news", "projections": "/projections", "audit": "/audit",
		"no run": "/runs/" + webtest.RunID(99).String(), "no page": "/nope", "bad filter": "/runs?status=nope",
	}
}

func TestEveryPageIsSound(t *testing.T) {
	blocked := webtest.New()
	blocked.Blocked = webtest.Hostile
	for service, e := range map[string]*echo.Echo{"story": serve(webtest.New()), "empty": serve(webtest.Empty()), "blocked": serve(blocked)} {
		for name, path := range paths() {
			t.Run(service+"/"+name, func(t *testing.T) {
				sound(t, document(t, get(e, path)))
			})
		}
	}
}

// sound checks what is true of every page.
func sound(t *testing.T, doc *goquery.Document) {
	t.Helper()
	if n := doc.Find("h1").Length(); n != 1 {
		t.Errorf("%d first headings, want 1", n)
	}
	if inline := doc.Find("script:not([src]), style, [style]"); inline.Length() > 0 {
		t.Errorf("the policy forbids what is inline: %v", inline.Nodes[0])
	}
	ids := map[string]bool{}
	doc.Find("*").Each(func(_ int, s *goquery.Selection) {
		for _, a := range s.Nodes[0].Attr {
			if strings.HasPrefix(a.Key, "on") {
				t.Errorf("an inline handler: %s=%q", a.Key, a.Val)
			}
			if a.Key == "id" && ids[a.Val] {
				t.Errorf("id %q twice", a.Val)
			}
			if a.Key == "id" {
				ids[a.Val] = true
			}
		}
	})
	if strings.ContainsAny(doc.Text(), "\x1b\x00\u202e") {
		t.Error("text that cannot be seen, or that reads backwards")
	}
	doc.Find("main time:not([data-age])").Each(func(_ int, s *goquery.Selection) {
		if !strings.HasSuffix(s.Text(), " UTC") {
			t.Errorf("a time without its zone: %q", s.Text())
		}
	})
	doc.Find("button, a").Each(func(_ int, s *goquery.Selection) {
		if strings.TrimSpace(s.Text()) == "" {
			t.Errorf("a %s without a word", goquery.NodeName(s))
		}
	})
}

func TestWhatScrapersSayIsShownNotDone(t *testing.T) {
	doc := document(t, get(serve(webtest.New()), "/runs/"+webtest.Cut.String()))
	if !strings.Contains(doc.Find(".facts").Text(), `<script>alert(1)</script>`) {
		t.Error("the detail is not shown")
	}
	if !strings.Contains(doc.Find(".facts").Text(), `\u202eevil`) {
		t.Error("the mark that turns text around is not made visible")
	}
}

func TestStatuses(t *testing.T) {
	tests := map[string]struct {
		path string
		want int
	}{
		"a page":                          {"/", 200},
		"a run that is not":               {"/runs/" + webtest.RunID(99).String(), 404},
		"a run id that is none":           {"/runs/nope", 404},
		"a scraper that is not":           {"/scrapers/nope", 404},
		"an event before the first":       {"/events/0", 404},
		"the proof of an event":           {"/events/3/proof.json", 200},
		"a proof of what is not signed":   {"/events/" + head + "/proof.json", 409},
		"an event beyond the head":        {"/events/" + strconv.FormatInt(webtest.Head+1, 10), 404},
		"an event that is no number":      {"/events/x", 404},
		"a stream that is not":            {"/streams/run-x", 404},
		"a status that is none":           {"/runs?status=nope", 400},
		"a time that is none":             {"/runs?since=noon", 400},
		"a run id that is no id":          {"/events?run=x", 400},
		"a run and a stream":              {"/events?stream=scraper-news&run=" + webtest.Open.String(), 400},
		"an event type that is none":      {"/events?type=run.nope", 400},
		"a position before the first":     {"/events?upto=0", 400},
		"a page that does not exist":      {"/nope", 404},
		"an asset":                        {"/assets/app.css", 200},
		"an asset that is not":            {"/assets/package.json", 404},
		"an asset by way of a folder":     {"/assets/dist/htmx.min.js", 404},
		"live updates without a tab's id": {"/live", 400},
	}
	e := serve(webtest.New())
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := get(e, test.path).Code; got != test.want {
				t.Errorf("%s: %d, want %d", test.path, got, test.want)
			}
		})
	}
}

func TestAHeadRequestIsAnswered(t *testing.T) {
	w := ask(serve(webtest.New()), httptest.NewRequest(http.MethodHead, "http://localhost/", nil))
	if w.Code != http.StatusOK {
		t.Errorf("HEAD /: %d", w.Code)
	}
}

func TestAFailureIsAPageThatKeepsItsReason(t *testing.T) {
	s := webtest.New()
	s.Err = errors.New("secret path /var/lib")
	w := get(serve(s), "/runs")
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestPagesOfTheLog(t *testing.T) {
	s := webtest.Empty()
	about := domain.AboutScraper{Scraper: "weather", At: webtest.Now}
	for n := range int64(120) {
		s.Recorded = append(s.Recorded, webtest.Record(n+1, n+1, domain.ScraperResumed{AboutScraper: about}))
	}
	tests := map[string]struct {
		first, last string
		ways        string
	}{
		"/events":           {"120", "71", "Oldest Older"},
		"/events?upto=70":   {"70", "21", "Oldest Older Newer Newest"},
		"/events?upto=20":   {"20", "1", "Newer Newest"},
		"/events?after=0":   {"50", "1", "Newer Newest"},
		"/events?after=50":  {"100", "51", "Oldest Older Newer Newest"},
		"/events?after=100": {"120", "101", "Oldest Older"},
	}
	e := serve(s)
	for path, test := range tests {
		doc := document(t, get(e, path))
		rows := doc.Find("tbody th")
		ways := strings.Join(doc.Find(".pager").First().Find("a:not([hidden])").Map(func(_ int, a *goquery.Selection) string { return a.Text() }), " ")
		if rows.First().Text() != test.first || rows.Last().Text() != test.last || ways != test.ways {
			t.Errorf("%s: %s to %s, %q", path, rows.First().Text(), rows.Last().Text(), ways)
		}
	}
}

var _ web.Events = (*eventstore.Store)(nil)

func TestAReaderThatStandsStillIsSaidFirst(t *testing.T) {
	s := webtest.New()
	if first := document(t, get(serve(s), "/")).Find("main .warning"); first.Length() > 0 {
		t.Error(first.Text())
	}
	s.Blocked = "no such column"
	if first := words(document(t, get(serve(s), "/")).Find("main .warning")); !strings.HasPrefix(first, "Blocked: runs.") {
		t.Errorf("%q", first)
	}
}
