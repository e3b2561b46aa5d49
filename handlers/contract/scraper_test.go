package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// scraper keeps to the contract, but for what a test takes away from it.
type scraper struct {
	answer     func(w http.ResponseWriter, r *http.Request) bool // instead of all that follows, when it says so
	eager      bool                                              // answers before it has read the body
	crowded    bool                                              // never answers 409
	deaf       bool                                              // does not look at recovers
	stubborn   bool                                              // does not stop when its client leaves
	overlaps   bool                                              // lets the held run go on beside the one that recovers it
	beat       string                                            // what it announces
	holdHeader time.Duration                                     // sends nothing for so long
	say        func(w io.Writer, ctx context.Context)            // what a scrape says; default: progress and completed

	mu   sync.Mutex
	held string
	stop context.CancelFunc
}

const scrapeTime = 600 * time.Millisecond

func (s *scraper) serve(t *testing.T) string {
	t.Helper()
	return serveHandler(t, s) + "/scrapes/shop"
}

func serveHandler(t *testing.T, h http.Handler) (base string) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	return server.URL
}

func (s *scraper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		RunID    string `json:"run_id"`
		Recovers string `json:"recovers"`
	}
	ctx := r.Context()
	if s.stubborn {
		ctx = context.WithoutCancel(ctx)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	early := s.eager && s.take(r.Header.Get("X-Scrapelog-Run-Id"), "", stop)
	if early {
		_ = http.NewResponseController(w).EnableFullDuplex()
		s.header(w)
		_ = http.NewResponseController(w).Flush()
	}
	if body, err := io.ReadAll(r.Body); err == nil {
		_ = json.Unmarshal(body, &asked)
	}
	switch {
	case s.answer != nil && s.answer(w, r), r.Method != http.MethodPost:
		return
	case !early && !s.take(asked.RunID, asked.Recovers, stop):
		w.WriteHeader(http.StatusConflict)
		return
	}
	defer s.release(asked.RunID)
	s.scrape(w, ctx)
}

func (s *scraper) take(run, recovers string, stop context.CancelFunc) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.held == "", s.crowded:
	case s.held != recovers || s.deaf:
		return false
	case !s.overlaps:
		s.stop()
	}
	s.held, s.stop = run, stop
	return true
}

func (s *scraper) release(run string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == run {
		s.held = ""
	}
}

func (s *scraper) header(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	if s.beat != "" {
		w.Header().Set("X-Scrape-Beat", s.beat)
	}
	w.WriteHeader(http.StatusOK)
}

func (s *scraper) scrape(w http.ResponseWriter, ctx context.Context) {
	if w.Header().Get("Content-Type") == "" {
		s.header(w)
	}
	if s.holdHeader == 0 {
		_ = http.NewResponseController(w).Flush()
	}
	pause(ctx, s.holdHeader)
	if s.say == nil {
		ends(completed)(w, ctx)
		return
	}
	s.say(w, ctx)
}

const completed = "event: completed\ndata: {\"items\":3}\n\n"

// ends says text at the end of a scrape that has worked for a while.
func ends(text string) func(io.Writer, context.Context) {
	return func(w io.Writer, ctx context.Context) {
		if work(w, ctx, scrapeTime); ctx.Err() == nil {
			say(w, "%s", text)
		}
	}
}

// slow works for long in its first two scrapes, and is quick from then on.
func slow(long time.Duration) func(io.Writer, context.Context) {
	var scrapes atomic.Int64
	return func(w io.Writer, ctx context.Context) {
		if scrapes.Add(1) <= 2 {
			work(w, ctx, long)
		}
		ends(completed)(w, ctx)
	}
}

// silent says nothing for so long, and then text.
func silent(long time.Duration, text string) func(io.Writer, context.Context) {
	return func(w io.Writer, ctx context.Context) {
		pause(ctx, long)
		say(w, "%s", text)
	}
}

// work says progress for so long, or until ctx ends.
func work(w io.Writer, ctx context.Context, long time.Duration) {
	for end := time.Now().Add(long); time.Now().Before(end) && ctx.Err() == nil; pause(ctx, 100*time.Millisecond) {
		say(w, "event: progress\ndata: {}\n\n")
	}
}

func say(w io.Writer, text string, args ...any) {
	_, _ = fmt.Fprintf(w, text, args...)
	_ = http.NewResponseController(w.(http.ResponseWriter)).Flush()
}

func pause(ctx context.Context, long time.Duration) {
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
