package main_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
)

// chatty is a scraper that says something every 50 ms until told to complete.
func chatty(t *testing.T) (url string, complete func()) {
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			fmt.Fprint(w, "event: progress\ndata: {}\n\n")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-done:
				fmt.Fprint(w, "event: completed\ndata: {\"items\":1}\n\n")
				return
			case <-tick.C:
			}
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, func() { close(done) }
}

// TestAStoppedAndContinuedServerLosesNothing stops the server itself, again and
// again, for longer than a stream may be silent.
func TestAStoppedAndContinuedServerLosesNothing(t *testing.T) {
	t.Parallel()
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		url, complete := chatty(t)
		listen := freeAddr(t)
		a := api{t, "http://" + listen}
		config := write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), fmt.Sprintf("scrapers:\n  - {name: chatty, url: %q, idle_timeout: 500ms}\n", url))
		server := start(t, "serve", "--config", config, "--db", db.URL, "--listen", listen)
		a.ready()
		r := a.startRun("chatty")
		for range 4 {
			signal(t, server, syscall.SIGSTOP)
			<-time.After(1500 * time.Millisecond)
			signal(t, server, syscall.SIGCONT)
			<-time.After(200 * time.Millisecond)
		}
		if now := a.run(r.ID); now.Status != "running" {
			t.Errorf("after the server was stopped and continued the run is %+v", now)
		}
		complete()
		if now := a.ended(r.ID, 30*time.Second); now.Status != "completed" {
			t.Errorf("the run ended as %+v", now)
		}
	})
}
