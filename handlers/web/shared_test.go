package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"scrapelog/handlers/web/webtest"
)

// refetch asks for a page as a tab does that is told of a change.
func refetch(e http.Handler, path string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil)
	r.Header.Set("HX-Request", "true")
	e.ServeHTTP(w, r)
	return w
}

func refetched(e http.Handler, path string) string { return refetch(e, path).Body.String() }

func TestTabsShareAPageUntilTheLogMovesOn(t *testing.T) {
	s := webtest.New()
	var clock atomic.Int64
	e := webtest.Echo(s.Handler(s, func() time.Time { return webtest.Now.Add(time.Duration(clock.Load())) }))
	first := refetched(e, "/runs")
	news := func() bool { return strings.Contains(refetched(e, "/runs"), "the-newest") }

	s.Change(func() { s.Rows[0].Scraper = "the-newest" })
	if again := refetched(e, "/runs"); again != first {
		t.Error("two tabs are told of one change, and two pages are made")
	}
	if !strings.Contains(get(e, "/runs").Body.String(), "the-newest") {
		t.Error("a new visitor of a page gets one that was rendered before")
	}
	if !strings.Contains(refetched(e, "/runs?scraper=the-newest"), "the-newest") {
		t.Error("another page is answered with this one")
	}
	clock.Store(int64(time.Second))
	if !news() {
		t.Error("a page is as it was a second ago")
	}
	s.Change(func() {
		s.Rows[0].Scraper = "news"
		s.Recorded = append(s.Recorded, s.Recorded[0])
	})
	if news() {
		t.Error("a page is as it was before the log moved on")
	}
	s.Err = http.ErrBodyNotAllowed
	clock.Add(int64(time.Second))
	_ = refetched(e, "/runs")
	s.Err = nil
	if body := refetched(e, "/runs"); !strings.Contains(body, "<h1>Runs</h1>") {
		t.Errorf("a failure is shared: %s", body)
	}
}

// TestManyTabsAtOnce asks for pages that are shared from 64 tabs at once: each gets
// its whole page, with status 200, and the same one.
func TestManyTabsAtOnce(t *testing.T) {
	e := serve(webtest.New())
	want := map[string]string{}
	for path, title := range map[string]string{"/": "<h1>5\u00a0scrapers,", "/runs": "<h1>Runs</h1>", "/scrapers/weather": "<h1>weather</h1>"} {
		w := refetch(e, path)
		if want[path] = w.Body.String(); w.Code != http.StatusOK || !strings.Contains(want[path], title) || !strings.HasSuffix(want[path], "</html>") {
			t.Fatalf("%s: %d %s", path, w.Code, want[path])
		}
	}
	var tabs sync.WaitGroup
	for range 64 {
		tabs.Go(func() {
			for path, page := range want {
				if w := refetch(e, path); w.Code != http.StatusOK || w.Body.String() != page {
					t.Errorf("%s: %d, %d bytes of %d", path, w.Code, w.Body.Len(), len(page))
				}
			}
		})
	}
	tabs.Wait()
}
