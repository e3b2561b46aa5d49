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

// refetched asks for a page as a tab does that is told of a change.
func refetched(e http.Handler, path string) string {
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil)
	r.Header.Set("HX-Request", "true")
	e.ServeHTTP(w, r)
	return w.Body.String()
}

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
		t.Error("who comes to a page is shown one that was made before")
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

func TestManyTabsAtOnce(t *testing.T) {
	s := webtest.New()
	e := serve(s)
	var tabs sync.WaitGroup
	for range 64 {
		tabs.Go(func() {
			for _, path := range []string{"/", "/runs", "/scrapers/news"} {
				if !strings.Contains(refetched(e, path), "</html>") {
					t.Errorf("half of %s", path)
				}
			}
		})
	}
	tabs.Wait()
}
