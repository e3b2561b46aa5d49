package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/problem"
)

// example is a path that leads to a route.
func example(route string) string {
	return strings.NewReplacer(":name", "shop", ":id", "0198c2f4-7c1e-7d3a-9a10-2f6f3b0c5d11", ":position", "1", "*", "app.css").Replace(route)
}

// TestAWrongMethodIsAnsweredWithTheRightOnes asks every route, of the API and of the
// pages before it, for every method that it does not know.
func TestAWrongMethodIsAnsweredWithTheRightOnes(t *testing.T) {
	s := start(t, eventstoretest.SQLite(t))
	known := map[string][]string{}
	for _, r := range s.echo.Routes() {
		known[r.Path] = append(known[r.Path], r.Method)
	}
	for route, methods := range known {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "BREW"} {
			if slices.Contains(methods, method) {
				continue
			}
			a := s.do(method, example(route), "", "Sec-Fetch-Site", "same-origin")
			allowed := strings.Split(a.header.Get("Allow"), ", ")
			slices.Sort(allowed)
			want := append([]string{"OPTIONS"}, methods...)
			slices.Sort(want)
			if a.status != http.StatusMethodNotAllowed || !slices.Equal(allowed, want) {
				t.Errorf("%s %s: %d, Allow %q, want 405 and %q", method, route, a.status, allowed, want)
			}
			wantType := "text/html"
			if problem.Path(route) {
				wantType = problem.ContentType
			}
			if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, wantType) {
				t.Errorf("%s %s is answered with %s", method, route, got)
			}
		}
		if a := s.do("OPTIONS", example(route), ""); a.status != http.StatusNoContent || a.header.Get("Allow") == "" {
			t.Errorf("OPTIONS %s: %d", route, a.status)
		}
	}
}

func TestAnUnknownRouteIsADocumentOrAPage(t *testing.T) {
	s := start(t, eventstoretest.SQLite(t))
	for path, want := range map[string]string{
		"/api": problem.ContentType, "/api/": problem.ContentType, "/api/v1/none": problem.ContentType, "/api/v1/scrapers/shop/none": problem.ContentType,
		"/none": "text/html; charset=UTF-8", "/scrapers/shop/none": "text/html; charset=UTF-8", "/apis": "text/html; charset=UTF-8",
	} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			a := s.expect(404, method, path, "")
			if a.header.Get("Content-Type") != want || a.header.Get("Content-Security-Policy") == "" && want != problem.ContentType {
				t.Errorf("%s %s: %v", method, path, a.header)
			}
		}
	}
}

// TestAnUnknownParameterIsNamedWithTheNearestKnown asks every route for a parameter
// that none has.
func TestAnUnknownParameterIsNamedWithTheNearestKnown(t *testing.T) {
	s := start(t, eventstoretest.SQLite(t))
	for _, r := range s.echo.Routes() {
		a := s.do(r.Method, example(r.Path)+"?colour=red", "", "Sec-Fetch-Site", "same-origin")
		if a.status != http.StatusBadRequest || r.Method != "HEAD" && !strings.Contains(string(a.body), "colour") {
			t.Errorf("%s %s: %d %.200s", r.Method, r.Path, a.status, a.body)
		}
	}
	for path, want := range map[string]string{
		"/api/v1/runs?staus=failed":                   "did you mean status?",
		"/api/v1/runs?status=failed&Limit=3":          "did you mean limit?",
		"/api/v1/runs/x?atleast=3":                    "did you mean at_least?",
		"/api/v1/events?types=run.started":            "did you mean type?",
		"/api/v1/events/stream?afer=3":                "did you mean after?",
		"/api/v1/watch?ids=tab":                       "did you mean id?",
		"/api/v1/scrapers?offset=3":                   "use cursor, limit, at_least",
		"/api/v1/outages?opn=true":                    "did you mean open?",
		"/healthz?verbose":                            "leave it out",
		"/api/v1/runs?%0a=1":                          `\n`,
		"/runs?staus=failed":                          "did you mean status?",
		"/events?typ=run.started":                     "did you mean type?",
		"/scrapers?form=a":                            "did you mean from?",
		"/live?ID=tab":                                "did you mean id?",
		"/api/v1/scrapers/shop/runs?attach=tab":       "leave it out",
		"/api/v1/events?type=run.*":                   "name the types",
		"/api/v1/events?type=run.started,!run.failed": "name the types",
		"/api/v1/runs?limit=1&limit=2":                "limit: is given 2 times",
		"/api/v1/runs?scraper=a&scraper=b":            "scraper: is given 2 times",
		"/api/v1/runs?since=2026-11-23T08:00:00Z&since=2026-11-24T08:00:00Z": "since: is given 2 times",
		"/api/v1/outages?open=true&open=false":                               "open: is given 2 times",
		"/api/v1/events?after=1&after=1":                                     "after: is given 2 times",
		"/api/v1/watch?id=tabtab1&id=tabtab2":                                "id: is given 2 times",
		"/api/v1/runs?cursor=a&cursor=b":                                     "cursor: is given 2 times",
	} {
		method := "GET"
		if strings.HasSuffix(strings.Split(path, "?")[0], "shop/runs") {
			method = "POST"
		}
		if a := s.expect(400, method, path, ""); !strings.Contains(string(a.body), want) {
			t.Errorf("%s: %s", path, a.body)
		}
	}
}

// TestAPathMayBeEscaped asks by names that are written in other ways.
func TestAPathMayBeEscaped(t *testing.T) {
	s := start(t, eventstoretest.SQLite(t))
	s.configure("my-shop")
	for path, want := range map[string]int{
		"/api/v1/scrapers/my%2Dshop": 200, "/api/v1/scrapers/my%2dsh%6fp": 200, "/api/v1/%73crapers": 200, "/%61pi/v1/scrapers/my-shop": 200,
		"/api/v1/scrapers%2Fmy-shop": 404, "/api/v1/scrapers%2fmy-shop": 404, "/api/v1/scrapers/my-shop%2Fruns": 404,
		"/api/v1/scrapers/..%2f..%2fhealthz": 404, "/api/v1/scrapers/%ff": 404, "/api/v1/scrapers/%00": 404, "/api/v1/runs/%2e%2e": 400,
	} {
		s.expect(want, "GET", path, "")
	}
}

func TestABodyThatIsNotJSONByItsTypeIsRefused(t *testing.T) {
	s := start(t, eventstoretest.SQLite(t))
	s.configure("shop")
	for _, r := range s.echo.Routes() {
		if !problem.Path(r.Path) || r.Method == "GET" || r.Method == "HEAD" {
			continue
		}
		for _, media := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "text/json"} {
			a := s.do(r.Method, example(r.Path), `{"reason":"x"}`, "Content-Type", media)
			if a.status != http.StatusUnsupportedMediaType || !strings.Contains(string(a.body), "application/json") {
				t.Errorf("%s %s with %q: %d %s", r.Method, r.Path, media, a.status, a.body)
			}
		}
	}
	for _, encoding := range []string{"gzip", "deflate", "br", "x-gzip", "identity, gzip"} {
		a := s.expect(415, "POST", "/api/v1/scrapers/shop/pause", "{}", "Content-Type", "application/json", "Content-Encoding", encoding)
		if !strings.Contains(string(a.body), "send the body as it is") || a.header.Get("Accept-Encoding") != "identity" {
			t.Errorf("%s: %v %s", encoding, a.header, a.body)
		}
	}
	s.expect(200, "POST", "/api/v1/scrapers/shop/resume", "{}", "Content-Type", "application/json", "Content-Encoding", "identity")
	s.expect(200, "POST", "/api/v1/scrapers/shop/pause", "", "Content-Type", "text/plain")
	s.expect(200, "POST", "/api/v1/scrapers/shop/resume", `{}`, "Content-Type", "Application/JSON; charset=UTF-8")
}
