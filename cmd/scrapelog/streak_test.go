package main_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// TestAScraperThatIsLostTheSameWayIsToldOf follows a scraper that ends its stream
// with an event of another name than the contract's.
func TestAScraperThatIsLostTheSameWayIsToldOf(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		var says atomic.Value
		says.Store("event: Completed\ndata: {\"items\":1}\n\n")
		scraper := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, says.Load().(string))
		}))
		t.Cleanup(scraper.Close)
		addr := gatetest.FreeAddress(t)
		s := api{t, "http://" + addr}
		config := fmt.Sprintf("scrapers:\n  - {name: shop, url: %q, recovery: {enabled: false}}\n", scraper.URL+"/")
		server := start(t, "serve", "--config", write(t, t.TempDir()+"/scrapelog.yaml", config), "--listen", addr, "--db", db.URL)
		s.ready()
		type streak struct {
			Cause     string
			Runs      int64
			LastEvent string `json:"last_event"`
		}
		shop := func() (view struct{ Streak *streak }) {
			s.do("GET", "/api/v1/scrapers/shop", "", &view)
			return view
		}
		for n := int64(1); n <= 4; n++ {
			run := s.ended(s.startRun("shop").ID, 30*time.Second)
			if run.Cause != "eof" || run.LastEvent != "Completed" {
				t.Fatalf("run %d: %+v", n, run)
			}
			want := streak{"eof", n, "Completed"}
			await(t, 30*time.Second, fmt.Sprintf("a streak of %d", n), func() bool {
				got := shop().Streak
				return n == 1 && got == nil || got != nil && *got == want
			})
		}
		// A line follows its commit, and may follow the projection.
		await(t, 30*time.Second, "the log tells of the fourth loss", func() bool {
			return strings.Contains(server.out.String(), "lost the same way 4 times: eof after")
		})
		if lines := strings.Count(server.out.String(), "streak="); lines != 2 {
			t.Errorf("%d lines of the log tell of a streak, want 2", lines)
		}
		says.Store("event: completed\ndata: {\"items\":1,\"note\":\"the last page\"}\n\n")
		if run := s.ended(s.startRun("shop").ID, 30*time.Second); run.Status != "completed" || run.Note != "the last page" {
			t.Errorf("the run that completed: %+v", run)
		}
		await(t, 30*time.Second, "the streak has ended", func() bool { return shop().Streak == nil })
	})
}
