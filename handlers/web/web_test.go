package web_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/live"
	"scrapelog/handlers/problem"
	"scrapelog/handlers/web"
	"scrapelog/handlers/web/webtest"
	"scrapelog/projections"
)

// serve makes an echo with the pages of a canned service.
func serve(s *webtest.Service) *echo.Echo {
	h := s.Handler(s, nil)
	e := echo.New()
	e.HTTPErrorHandler = problem.ErrorHandler(slog.New(slog.DiscardHandler), h.Error)
	h.Register(e)
	return e
}

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
		"completed run": "/runs/" + webtest.Done.String(), "hostile run": "/runs/" + webtest.Cut.String(), "what was recorded": "/runs/" + webtest.Open.String() + "?recorded=18",
		"scrapers": "/scrapers", "scraper": "/scrapers/shop-prices", "paused scraper": "/scrapers/news", "lost scraper": "/scrapers/reviews",
		"events": "/events", "events by type": "/events?type=run.started", "oldest events": "/events?after=0", "older events": "/events?until=5",
		"event": "/events/3", "stream": "/streams/scraper-news", "projections": "/projections",
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

// sound holds what is true of every page whatever it shows.
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
		"an event beyond the head":        {"/events/19", 404},
		"an event that is no number":      {"/events/x", 404},
		"a stream that is not":            {"/streams/run-x", 404},
		"a status that is none":           {"/runs?status=nope", 400},
		"a time that is none":             {"/runs?since=yesterday", 400},
		"an event type that is none":      {"/events?type=run.nope", 400},
		"a position before the first":     {"/events?until=0", 400},
		"a page that nobody serves":       {"/nope", 404},
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

func TestHeaders(t *testing.T) {
	e := serve(webtest.New())
	for _, path := range []string{"/", "/nope", "/assets/app.js"} {
		header := get(e, path).Header()
		if policy := header.Get("Content-Security-Policy"); !strings.Contains(policy, "script-src 'self';") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
		if header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Referrer-Policy") != "same-origin" {
			t.Errorf("%s: %v", path, header)
		}
	}
}

func TestAPageIsNeverShownOld(t *testing.T) {
	if got := get(serve(webtest.New()), "/").Header().Get("Cache-Control"); got != "no-cache" {
		t.Errorf("Cache-Control: %q", got)
	}
}

func TestNamedAssetsAreKeptForEver(t *testing.T) {
	e := serve(webtest.New())
	src, _ := document(t, get(e, "/")).Find("script").First().Attr("src")
	w := get(e, src)
	if w.Code != 200 || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || !strings.Contains(w.Header().Get("Content-Type"), "javascript") {
		t.Errorf("%s: %d %v", src, w.Code, w.Header())
	}
	if again := get(e, "/assets/app.js?v=old"); again.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("an old version: %v", again.Header())
	}
}

func TestForeignNames(t *testing.T) {
	h := webtest.New()
	e := echo.New()
	e.GET("/", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) }, web.AllowHosts([]string{"scrapes.example", "192.0.2.7:8080"}))
	for host, want := range map[string]int{
		"localhost:8080": 204, "127.0.0.1:8080": 204, "127.8.8.8": 204, "[::1]:8080": 204, "a.localhost": 204,
		"scrapes.example": 204, "SCRAPES.example:443": 204, "192.0.2.7:8080": 204,
		"192.0.2.7:9": 421, "evil.example": 421, "localhost.evil.example": 421, "": 421,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		if got := ask(e, r).Code; got != want {
			t.Errorf("host %q: %d, want %d", host, got, want)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "http://evil.example/", nil)
	if got := ask(serve(h), r).Code; got != http.StatusMisdirectedRequest {
		t.Errorf("the overview under a foreign name: %d", got)
	}
}

func TestForeignPagesCannotAct(t *testing.T) {
	s := webtest.New()
	for name, header := range map[string]http.Header{
		"by fetch metadata": {"Sec-Fetch-Site": {"cross-site"}},
		"by origin":         {"Origin": {"https://evil.example"}},
	} {
		r := httptest.NewRequest(http.MethodPost, "http://localhost/scrapers/weather/runs", nil)
		r.Header = header
		if got := ask(serve(s), r).Code; got != http.StatusForbidden {
			t.Errorf("%s: %d", name, got)
		}
	}
	if asked, _ := s.Asked(); len(asked) > 0 {
		t.Errorf("it was done: %v", asked)
	}
}

func TestActions(t *testing.T) {
	run := "/runs/" + webtest.Open.String()
	tests := map[string]struct {
		path string
		form url.Values
		want domain.Command
		then string
	}{
		"scrape now": {"/scrapers/weather/runs", nil,
			domain.StartScrape{ToScraper: domain.ToScraper{Scraper: "weather"}, Trigger: domain.TriggerManual}, run + "?recorded=18"},
		"scrape and watch, with params": {"/scrapers/weather/runs", url.Values{"attach": {"tab-1"}, "params": {`{"depth":3}`}},
			domain.StartScrape{ToScraper: domain.ToScraper{Scraper: "weather"}, Trigger: domain.TriggerManual, Watcher: "tab-1", Params: []byte(`{"depth":3}`)}, run + "?recorded=18"},
		"cancel": {run + "/cancel", url.Values{"reason": {"wrong"}},
			domain.CancelRun{ToRun: domain.ToRun{RunID: webtest.Open}, By: "user:web", Reason: "wrong"}, run + "?recorded=18"},
		"pause": {"/scrapers/weather/pause", url.Values{"reason": {"later"}},
			domain.PauseScraper{ToScraper: domain.ToScraper{Scraper: "weather"}, By: "user:web", Reason: "later"}, "/scrapers/weather?recorded=18"},
		"resume": {"/scrapers/weather/resume", nil,
			domain.ResumeScraper{ToScraper: domain.ToScraper{Scraper: "weather"}, By: "user:web"}, "/scrapers/weather?recorded=18"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := webtest.New()
			w := post(serve(s), test.path, test.form)
			asked, by := s.Asked()
			if len(asked) != 1 || fmt.Sprintf("%#v", asked[0]) != fmt.Sprintf("%#v", test.want) || by.Actor != "user:web" {
				t.Errorf("asked %#v by %v, want %#v", asked, by, test.want)
			}
			if w.Code != http.StatusSeeOther || w.Header().Get("Location") != test.then || w.Header().Get("X-Log-Position") != "18" {
				t.Errorf("%d %v", w.Code, w.Header())
			}
		})
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
		"a watcher id that is none": {"/scrapers/weather/runs", url.Values{"attach": {"<b>"}}, nil, 400, "attach"},
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
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "event 18") {
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
		"/events?until=70":  {"70", "21", "Oldest Older Newer Newest"},
		"/events?until=20":  {"20", "1", "Newer Newest"},
		"/events?after=0":   {"50", "1", "Newer Newest"},
		"/events?after=50":  {"100", "51", "Oldest Older Newer Newest"},
		"/events?after=100": {"120", "101", "Oldest Older"},
	}
	e := serve(s)
	for path, test := range tests {
		doc := document(t, get(e, path))
		rows := doc.Find("tbody th")
		ways := strings.Join(doc.Find(".pager").First().Find("a").Map(func(_ int, a *goquery.Selection) string { return a.Text() }), " ")
		if rows.First().Text() != test.first || rows.Last().Text() != test.last || ways != test.ways {
			t.Errorf("%s: %s to %s, %q", path, rows.First().Text(), rows.Last().Text(), ways)
		}
	}
}

func TestTheStreamOfATab(t *testing.T) {
	s := webtest.New()
	messages, err := web.Render(projections.Changes{State: true, Runs: s.Rows, Scrapers: s.Named, Counts: projections.Counts{}, Position: 18})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range append(messages, live.Message{Event: live.BeatEvent, Data: []byte(`{}`)}) {
		s.Messages <- m
	}
	close(s.Messages)
	server := httptest.NewServer(serve(s))
	defer server.Close()
	answer, err := http.Get(server.URL + "/live?id=tab-1")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`hx-swap-oob="outerMorph:[data-cell=&#34;status-` + webtest.Lost.String(), "event: state\ndata: 18\n\n", "event: beat\n"} {
		if !strings.Contains(string(body), want) {
			t.Errorf("the stream lacks %q", want)
		}
	}
}

func TestWhatAChangeTells(t *testing.T) {
	run, scraper := webtest.Runs()[0], webtest.Scrapers()[0]
	tests := map[string]struct {
		changes projections.Changes
		want    string
	}{
		"a state":  {projections.Changes{State: true, Runs: webtest.Runs(), Position: 7}, " state=7"},
		"a change": {projections.Changes{Runs: []projections.Run{run}, Scrapers: []projections.Scraper{scraper}, Position: 8}, " run-" + run.ID.String() + "= scraper-news= position=8"},
		"a storm":  {projections.Changes{Runs: make([]projections.Run, 500), Position: 9}, " refresh= position=9"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			messages, err := web.Render(test.changes)
			if err != nil || messages[0].Event != "" || len(messages[0].Data) == 0 {
				t.Fatalf("no fragments: %v %v", messages, err)
			}
			var told string
			for _, m := range messages[1:] {
				told += " " + m.Event + "=" + string(m.Data)
			}
			if told != test.want {
				t.Errorf("told %q, want %q", told, test.want)
			}
			if name == "a storm" && len(messages[0].Data) > 4<<10 {
				t.Errorf("a storm pushes %d bytes to every page", len(messages[0].Data))
			}
		})
	}
}

func TestPositionIsNeverAheadOfThePage(t *testing.T) {
	s := webtest.New()
	s.Blocked = "no such column"
	position, _ := document(t, get(serve(s), "/")).Find("#live").Attr("data-position")
	if position != "15" {
		t.Errorf("the page says %s, its slowest reader is at 15", position)
	}
}

var _ web.Events = (*eventstore.Store)(nil)
