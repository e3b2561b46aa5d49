package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// TestAnAttachedRunLivesWithItsWatcher starts a run with a watcher, takes
// the follower away and brings it back. A detached run beside it notices nothing.
func TestAnAttachedRunLivesWithItsWatcher(t *testing.T) {
	t.Parallel()
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		scraper, listen := newHolder(t), gatetest.FreeAddress(t)
		start(t, "serve", "--db", db.URL, "--listen", listen, "--config", write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"),
			"watcher_grace: 2s\n"+scraper.config("attached", "detached")))
		a := api{t, "http://" + listen}
		a.ready()
		detached := a.startRun("detached")
		leave := a.watch("tab-1")
		var attached run
		if code := a.do("POST", "/api/v1/scrapers/attached/runs", `{"attach":"tab-1"}`, &attached); code != 201 {
			t.Fatalf("attaching: %d", code)
		}
		a.followedBy(scraper, attached.ID)
		leave()
		a.watch("tab-1")() // a click from page to page
		back := a.watch("tab-1")
		if now := a.run(attached.ID); now.Status != "running" {
			t.Fatalf("a click from page to page ended the run: %+v", now)
		}
		back()
		left := time.Now()
		lost := a.ended(attached.ID, 30*time.Second)
		if lost.Status != "connection_failed" || lost.Link != "watcher" || lost.Cause != "watcher_gone" || lost.Phase != "" {
			t.Fatalf("without its watcher the run ended as %+v", lost)
		}
		t.Logf("watcher gone → connection_failed: %v, of which 2s grace", lost.EndedAt.Sub(left).Round(time.Millisecond))

		defer a.watch("tab-1")()
		returned := time.Now()
		await(t, 30*time.Second, "a new attached run starts", func() bool { return a.run(lost.ID).RecoveredBy != "" })
		again := a.run(a.run(lost.ID).RecoveredBy)
		t.Logf("watcher back → new run: %v", again.StartedAt.Sub(returned).Round(time.Millisecond))
		if again.Watcher != "" || again.Recovers != lost.ID {
			t.Errorf("the new run is %+v", again)
		}
		var log struct{ Events []json.RawMessage }
		a.do("GET", "/api/v1/events?type=run.started", "", &log)
		if text := fmt.Sprintf("%s", log.Events); strings.Contains(text, "tab-1") || strings.Count(text, domain.WatcherDigest("tab-1")) != 2 {
			t.Errorf("the log holds of the watcher: %s", text)
		}
		for _, id := range []string{again.ID, detached.ID} {
			a.followedBy(scraper, id)
			scraper.end(t, id)
			if run := a.ended(id, 30*time.Second); run.Status != "completed" {
				t.Errorf("with its watcher, or detached, the run ended as %+v", run)
			}
		}
	})
}

// watch opens a watcher's stream, reads its first bytes, and returns what closes it.
func (a api) watch(id string) (leave func()) {
	a.t.Helper()
	res, err := http.Get(a.base + "/api/v1/watch?id=" + id)
	if err != nil {
		a.t.Fatal(err)
	}
	if _, err := io.ReadFull(res.Body, make([]byte, 1)); err != nil {
		a.t.Fatal(err)
	}
	return func() { res.Body.Close() }
}
