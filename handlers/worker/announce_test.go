package worker

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// The server redirects, fails and fails again before it hears the worker, which
// must be listening by then.
func TestAWorkerAnnouncesItselfUntilItIsHeard(t *testing.T) {
	answers := []int{http.StatusFound, http.StatusServiceUnavailable, http.StatusNoContent}
	type call struct {
		method, body string
		at           time.Time
	}
	calls := make(chan call, 10)
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls <- call{r.Method + " " + r.URL.Path, string(body), time.Now()}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(answers[min(n, len(answers)-1)])
		n++
	}))
	defer server.Close()
	cfg := commandConfig("true")
	cfg.Scrapes = append(cfg.Scrapes, Scrape{Name: "other", Command: []string{"true"}})
	cfg.Announce = server.URL + "/api/v1/announce"
	base, stop := serve(t, cfg)

	var last time.Time
	for range answers {
		var got call
		select {
		case got = <-calls:
		case <-time.After(patience):
			t.Fatal("not announced again")
		}
		if got.method != "POST /api/v1/announce" || got.body != `{"scrapers":["job","other"]}` {
			t.Errorf("announced %s %s", got.method, got.body)
		}
		if gap := got.at.Sub(last); gap < 500*time.Millisecond {
			t.Errorf("announced again after %s", gap)
		}
		last = got.at
		resp, err := http.Get(base + "/healthz")
		if err != nil {
			t.Fatalf("announced, but not there: %v", err)
		}
		resp.Body.Close()
	}
	stop()
	if len(calls) > 0 {
		t.Errorf("announced again after it was heard: %v", <-calls)
	}
}
