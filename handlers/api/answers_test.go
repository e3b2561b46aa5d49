package api_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/outbox"
	"scrapelog/handlers/api"
)

const nobody = "/api/v1/runs/0198c2f4-7c1e-7d3a-9a10-2f6f3b0c5d11"

// answers has one request for every answer that the API description promises,
// by operation and status. given may prepare the service and returns the path.
var answers = map[string]struct {
	given func(s *service) (path string)
	body  string
}{
	"healthz 200": {given: path("/healthz")},
	"readyz 200":  {given: path("/readyz")},
	"readyz 200, degraded": {given: func(s *service) string {
		s.is(api.Readiness{Warnings: []string{"the log is not sealed"}})
		return "/readyz"
	}},
	"readyz 503": {given: func(s *service) string {
		s.is(api.Readiness{Reasons: []string{"the database is not migrated", "no ticking yet"}, Warnings: []string{"the clock was set"}})
		return "/readyz"
	}},
	"metrics 200": {given: path("/metrics")},
	"openapi 200": {given: path("/openapi.yaml")},

	"listScrapers 200": {given: configured("list-a", "/api/v1/scrapers?limit=1")},
	"listScrapers 400": {given: path("/api/v1/scrapers?limit=0")},
	"showScraper 200":  {given: configured("show", "/api/v1/scrapers/show")},
	"showScraper 404":  {given: path("/api/v1/scrapers/none")},

	"configureScraper 200": {given: configured("twice", "/api/v1/scrapers/twice"), body: shop},
	"configureScraper 201": {given: path("/api/v1/scrapers/new"), body: shop},
	"configureScraper 400": {given: path("/api/v1/scrapers/new"), body: `{"url":"ftp://x"}`},
	"configureScraper 409": {given: managed("by-file-put", ""), body: shop},
	"removeScraper 204":    {given: configured("gone", "/api/v1/scrapers/gone")},
	"removeScraper 404":    {given: path("/api/v1/scrapers/none")},
	"removeScraper 409":    {given: managed("by-file-delete", "")},
	"pauseScraper 200":     {given: configured("pause", "/api/v1/scrapers/pause/pause"), body: `{"reason":"too loud"}`},
	"pauseScraper 400":     {given: configured("pause-bad", "/api/v1/scrapers/pause-bad/pause"), body: `{"why":"x"}`},
	"pauseScraper 404":     {given: path("/api/v1/scrapers/none/pause")},
	"resumeScraper 200":    {given: configured("resume", "/api/v1/scrapers/resume/resume")},
	"resumeScraper 400":    {given: configured("resume-bad", "/api/v1/scrapers/resume-bad/resume"), body: `[]`},
	"resumeScraper 404":    {given: path("/api/v1/scrapers/none/resume")},

	"startRun 201": {given: configured("start", "/api/v1/scrapers/start/runs"), body: `{"attach":"tab-1","params":{"depth":2}}`},
	"startRun 400": {given: configured("start-bad", "/api/v1/scrapers/start-bad/runs"), body: `{"params":[]}`},
	"startRun 404": {given: path("/api/v1/scrapers/none/runs")},
	"startRun 409": {given: func(s *service) string {
		s.configure("busy")
		s.run("busy")
		return "/api/v1/scrapers/busy/runs"
	}},

	"listRuns 200": {given: running("listed", func(string) string { return "/api/v1/runs?scraper=listed&status=running,failed&trigger=manual" })},
	"listRuns 400": {given: path("/api/v1/runs?status=lost")},
	"showRun 200":  {given: running("shown", func(id string) string { return "/api/v1/runs/" + id })},
	"showRun 400":  {given: path("/api/v1/runs/seven")},
	"showRun 404":  {given: path(nobody)},

	"cancelRun 200": {given: running("cancelled", func(id string) string { return "/api/v1/runs/" + id + "/cancel" }), body: `{"reason":"enough"}`},
	"cancelRun 400": {given: path("/api/v1/runs/seven/cancel")},
	"cancelRun 404": {given: path(nobody + "/cancel")},
	"cancelRun 409": {given: func(s *service) string {
		s.configure("completed")
		id := s.run("completed")
		s.command(domain.ReportCompleted{ToRun: domain.ToRun{RunID: uuid.MustParse(id)}, Items: 3})
		return "/api/v1/runs/" + id + "/cancel"
	}},

	"listLanes 200":   {given: lostAt("laned", func(string) string { return "/api/v1/lanes?scraper=laned,none&slot=30m" })},
	"listLanes 400":   {given: path("/api/v1/lanes?scraper=a&slot=20m")},
	"listOutages 200": {given: lostAt("dropped", func(string) string { return "/api/v1/outages?scraper=dropped&open=true" })},
	"listOutages 400": {given: path("/api/v1/outages?open=perhaps")},
	"showOutage 200":  {given: lostAt("down", func(id string) string { return "/api/v1/outages/" + id })},
	"showOutage 400":  {given: path("/api/v1/outages/seven")},
	"showOutage 404":  {given: path("/api/v1/outages/0198c2f4-7c1e-7d3a-9a10-2f6f3b0c5d11")},

	"listNotices 200": {given: told(outbox.StatePending, func(string) string { return "/api/v1/notices?state=pending,held&channel=ops&kind=log&limit=5" })},
	"listNotices 400": {given: path("/api/v1/notices?state=lost")},
	"showNotice 200":  {given: told(outbox.StateSent, func(id string) string { return "/api/v1/notices/" + id[24:] })},
	"showNotice 400":  {given: path("/api/v1/notices/seven")},
	"showNotice 404":  {given: path("/api/v1/notices/0198c2f4-7c1e-7d3a-9a10-2f6f3b0c5d11")},
	"retryNotice 200": {given: told(outbox.StateGivenUp, func(id string) string { return "/api/v1/notices/" + id + "/retry" })},
	"retryNotice 400": {given: path("/api/v1/notices/seven/retry")},
	"retryNotice 404": {given: path("/api/v1/notices/0198c2f4-7c1e-7d3a-9a10-2f6f3b0c5d11/retry")},
	"retryNotice 409": {given: told(outbox.StateSent, func(id string) string { return "/api/v1/notices/" + id + "/retry" })},
	"testNotices 200": {given: path("/api/v1/notify/test"), body: `{}`},
	"testNotices 400": {given: path("/api/v1/notify/test"), body: `{"to":"ops"}`},
	"testNotices 404": {given: path("/api/v1/notify/test"), body: `{"channel":"none"}`},

	"listEvents 200": {given: configured("logged", "/api/v1/events?stream=scraper-logged&type=scraper.configured,run.started&after=0&until=999")},
	"listEvents 400": {given: path("/api/v1/events?after=-1")},
	"listEvents 404": {given: path("/api/v1/events?stream=run-123456")},
	"showEvent 200":  {given: configured("first", "/api/v1/events/1")},
	"showEvent 400":  {given: path("/api/v1/events/0")},
	"showEvent 404":  {given: path("/api/v1/events/9223372036854775807")},

	"announce 202": {given: path("/api/v1/announce"), body: `{"scrapers":["a","b"]}`},
	"announce 400": {given: path("/api/v1/announce"), body: `{"scrapers":["A"]}`},
}

// elsewhere are the answers that have tests of their own: streams, and reads
// that wait in vain.
var elsewhere = []string{
	"tailEvents 200", "tailEvents 400", "tailEvents 503", "watch 200", "watch 400", "watch 503",
	"listScrapers 503", "showScraper 503", "listRuns 503", "showRun 503", "listLanes 503", "listOutages 503", "showOutage 503", "listNotices 503", "showNotice 503", "listEvents 503", "showEvent 503",
}

func path(p string) func(*service) string { return func(*service) string { return p } }

func configured(name, path string) func(*service) string {
	return func(s *service) string {
		s.configure(name)
		return path
	}
}

func running(scraper string, path func(id string) string) func(*service) string {
	return func(s *service) string {
		s.configure(scraper)
		return path(s.run(scraper))
	}
}

// managed makes a scraper that the configuration file manages.
func managed(name, tail string) func(*service) string {
	return func(s *service) string {
		config := domain.DefaultScraperConfig()
		config.Name, config.URL = name, "http://127.0.0.1:9/x"
		s.command(domain.ConfigureScraper{ToScraper: domain.ToScraper{Scraper: name}, Source: domain.SourceFile, Config: config})
		return "/api/v1/scrapers/" + name + tail
	}
}

// lostAt makes a scraper of its own origin with a lost run and returns the path for the
// id of the outage.
func lostAt(scraper string, path func(id string) string) func(*service) string {
	return func(s *service) string {
		s.expect(201, "PUT", "/api/v1/scrapers/"+scraper, fmt.Sprintf(`{"url":"http://%s.example/"}`, scraper))
		return path(s.lose(scraper))
	}
}

// told adds a notice in a state and returns the path for its id.
func told(state outbox.State, path func(id string) string) func(*service) string {
	return func(s *service) string {
		n := outbox.Notice{
			ID: uuid.New(), Channel: "ops", Kind: outbox.KindLog, Type: "log.started", Subject: "log:damaged", Position: 1, State: state,
			Body: []byte(`{"type":"log.started","timestamp":"2026-11-01T02:00:00Z","data":{"title":"damaged"}}`), CreatedAt: time.Now(), NextAttempt: time.Now(),
		}
		if err := outbox.New(s.store.Store).Add(s.Context(), n); err != nil {
			s.Fatal(err)
		}
		return path(n.ID.String())
	}
}

// lose has a run of a scraper lose its connection and returns the event's id, once the
// read model has it.
func (s *service) lose(scraper string) string {
	s.Helper()
	run := domain.ToRun{RunID: uuid.MustParse(s.run(scraper))}
	lost := s.command(domain.ReportConnectionLost{ToRun: run, Link: domain.LinkScraper, Phase: domain.PhaseStreaming, Cause: domain.CauseReset})
	s.expect(200, "GET", fmt.Sprintf("/api/v1/outages?at_least=%d", lost[0].Position), "")
	return lost[0].ID.String()
}

func TestEveryDescribedAnswerIsGivenAsDescribed(t *testing.T) {
	d := readDocument(t)
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := start(t, db)
		for route, operation := range d.operations() {
			for status := range operation["responses"].(map[string]any) {
				name := fmt.Sprintf("%s %s", operation["operationId"], status)
				want, known := answers[name]
				if status == "default" || slices.Contains(elsewhere, name) || ofAccess(operation) {
					continue
				}
				if !known {
					t.Errorf("%s is described, and no request here leads to it", name)
					continue
				}
				t.Run(name, func(t *testing.T) {
					s := s.subtest(t)
					method, _, _ := strings.Cut(route, " ")
					path := want.given(s)
					a := s.do(method, path, want.body)
					if fmt.Sprint(a.status) != status {
						t.Fatalf("answered %d: %s", a.status, a.body)
					}
					d.conforms(t, operation, method, path, a)
				})
			}
		}
	})
}

func TestListsArePagedToTheirEnd(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := start(t, db)
		for i := range 5 {
			name := fmt.Sprintf("shop-%d", i)
			s.configure(name)
			s.run(name)
		}
		lists := []struct{ key, path, cursor string }{
			{"scrapers", "/api/v1/scrapers?limit=2", "cursor"},
			{"runs", "/api/v1/runs?limit=2", "cursor"},
			{"events", "/api/v1/events?type=run.started&type=run.failed&limit=2", "after"},
		}
		for _, list := range lists {
			seen, next := []int{}, ""
			for range 4 {
				var page map[string]any
				s.expect(200, "GET", list.path+"&"+list.cursor+"="+next, "").decode(t, &page)
				seen = append(seen, len(page[list.key].([]any)))
				next, _ = page["next"].(string)
				if next == "" {
					break
				}
			}
			if fmt.Sprint(seen) != "[2 2 1]" {
				t.Errorf("%s came in pages of %v", list.key, seen)
			}
		}
	})
}

func TestEmptyListsAreListsAndEmptyFiltersAreNone(t *testing.T) {
	s := start(t, eventstoretest.SQLite(t))
	for path, want := range map[string]string{
		"/api/v1/scrapers?cursor=&limit=&at_least=":                                             `{"scrapers":[]}`,
		"/api/v1/runs?status=&scraper=&trigger=&since=&until=&cursor=&limit=":                   `{"runs":[]}`,
		"/api/v1/runs?status=failed&status=running,completed&since=2026-01-01T00:00:00%2B01:00": `{"runs":[]}`,
		"/api/v1/outages?open=&origin=&scraper=&since=&until=&cursor=&limit=":                   `{"outages":[]}`,
		"/api/v1/events?after=&until=&type=&stream=&limit=500":                                  `{"events":[]}`,
	} {
		if a := s.expect(200, "GET", path, ""); strings.TrimSpace(string(a.body)) != want {
			t.Errorf("%s: %s", path, a.body)
		}
	}
}

func TestRunsAreFilteredByTime(t *testing.T) {
	s := start(t, eventstoretest.SQLite(t))
	s.configure("shop")
	s.run("shop")
	for filter, want := range map[string]int{
		"since=2000-01-01T00:00:00Z": 1, "since=2100-01-01T00:00:00Z": 0,
		"until=2100-01-01T00:00:00%2B05:30": 1, "until=2000-01-01T00:00:00.5Z": 0,
	} {
		var page struct{ Runs []any }
		s.expect(200, "GET", "/api/v1/runs?"+filter, "").decode(t, &page)
		if len(page.Runs) != want {
			t.Errorf("%s: %d runs, want %d", filter, len(page.Runs), want)
		}
	}
}

func TestAnnouncementsAreHeard(t *testing.T) {
	s := start(t, eventstoretest.SQLite(t))
	s.expect(202, "POST", "/api/v1/announce", `{"scrapers":["shop-a","shop-b"]}`)
	select {
	case got := <-s.announced:
		if fmt.Sprint(got) != "[shop-a shop-b]" {
			t.Errorf("heard %v", got)
		}
	default:
		t.Error("answered before it was heard")
	}
}

func TestHeadIsAnsweredLikeGet(t *testing.T) {
	s := start(t, eventstoretest.SQLite(t))
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/openapi.yaml", "/api/v1/scrapers", "/api/v1/runs", "/api/v1/outages", "/api/v1/events"} {
		if a := s.expect(200, "HEAD", path, ""); len(a.body) > 0 {
			t.Errorf("HEAD %s has a body", path)
		}
	}
	for _, path := range []string{"/api/v1/watch?id=tab-1", "/api/v1/events/stream", "/live?id=tab-1"} {
		if a := s.expect(200, "HEAD", path, ""); !strings.HasPrefix(a.header.Get("Content-Type"), "text/event-stream") {
			t.Errorf("HEAD %s: %s", path, a.header.Get("Content-Type"))
		}
	}
	if s.watchers.Present("tab-1") {
		t.Error("a HEAD request attends")
	}
}

func TestTheDescriptionIsServedAsItStands(t *testing.T) {
	want, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, eventstoretest.SQLite(t))
	if a := s.expect(200, "GET", "/openapi.yaml", ""); string(a.body) != string(want) {
		t.Error("another document was served")
	}
}
