package main_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// chatty is a scraper that says something every 50 ms until told to complete.
type chatty struct {
	*httptest.Server
	done chan struct{}
	gap  atomic.Int64 // the longest that it was silent, for it may be starved itself
}

func newChatty(t *testing.T) *chatty {
	c := &chatty{done: make(chan struct{})}
	c.Server = httptest.NewServer(c)
	t.Cleanup(func() { c.CloseClientConnections(); c.Close() })
	return c
}

func (c *chatty) complete() { close(c.done) }

// lostNothing wants a run to have completed, unless the scraper itself was silent for longer
// than it may be.
func (c *chatty) lostNothing(t *testing.T, ended run, idle time.Duration) {
	t.Helper()
	switch gap := time.Duration(c.gap.Load()); {
	case ended.Status == "completed":
	case gap > idle:
		t.Logf("NOT TESTED: the scraper was starved as well, and silent for %s", gap)
	default:
		t.Errorf("the scraper was never silent for longer than %s, and the run ended as %+v", gap, ended)
	}
}

func (c *chatty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for last := time.Now(); ; {
		fmt.Fprint(w, "event: progress\ndata: {}\n\n")
		_ = http.NewResponseController(w).Flush()
		c.gap.Store(max(c.gap.Load(), int64(time.Since(last))))
		last = time.Now()
		select {
		case <-r.Context().Done():
			return
		case <-c.done:
			fmt.Fprint(w, "event: completed\ndata: {\"items\":1}\n\n")
			return
		case <-tick.C:
		}
	}
}

// TestAStoppedAndContinuedServerLosesNothing stops the server itself, again and
// again, for longer than a stream may be silent.
func TestAStoppedAndContinuedServerLosesNothing(t *testing.T) {
	t.Parallel()
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		const idle = 500 * time.Millisecond
		scraper := newChatty(t)
		listen := gatetest.FreeAddress(t)
		a := api{t, "http://" + listen}
		config := write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), fmt.Sprintf("scrapers:\n  - {name: chatty, url: %q, idle_timeout: %s}\n", scraper.URL, idle))
		server := start(t, "serve", "--config", config, "--db", db.URL, "--listen", listen)
		a.ready()
		r := a.startRun("chatty")
		for range 4 {
			freeze(t, server)
			<-time.After(1500 * time.Millisecond)
			signal(t, server, syscall.SIGCONT)
			<-time.After(200 * time.Millisecond)
		}
		scraper.complete()
		scraper.lostNothing(t, a.ended(r.ID, 30*time.Second), idle)
	})
}
