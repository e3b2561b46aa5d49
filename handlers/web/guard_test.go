package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"scrapelog/handlers/web"
	"scrapelog/handlers/web/webtest"
)

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
