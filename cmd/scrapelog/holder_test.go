package main_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// holder is a scraper of many names whose runs go on until they are told how to
// end, and which remembers who asked for what.
type holder struct {
	*httptest.Server
	mu    sync.Mutex
	posts map[string]int         // by run id
	open  map[string]chan string // streams, by run id: send how it ends
	trace map[string]string      // the traceparent of the POST, by run id
}

func newHolder(t testing.TB) *holder {
	h := &holder{posts: map[string]int{}, open: map[string]chan string{}, trace: map[string]string{}}
	h.Server = httptest.NewServer(h)
	t.Cleanup(func() {
		h.CloseClientConnections()
		h.Close()
	})
	return h
}

func (h *holder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	run, end := r.Header.Get("X-Scrapelog-Run-Id"), make(chan string, 1)
	h.mu.Lock()
	h.posts[run]++
	h.open[run], h.trace[run] = end, r.Header.Get("Traceparent")
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.open, run)
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = io.WriteString(w, "event: progress\ndata: {}\n\n")
	_ = http.NewResponseController(w).Flush()
	select {
	case <-r.Context().Done():
	case word := <-end:
		if word == "" {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, word)
	}
}

// end lets a run end with the terminal event that the scraper says.
func (h *holder) end(t testing.TB, run string) {
	t.Helper()
	h.say(t, run, "event: completed\ndata: {\"items\":1}\n\n")
}

// cut ends the connection of a run.
func (h *holder) cut(t testing.TB, run string) {
	t.Helper()
	h.say(t, run, "")
}

// say sends the last words of a stream; empty: the connection is cut.
func (h *holder) say(t testing.TB, run, word string) {
	t.Helper()
	h.mu.Lock()
	end := h.open[run]
	h.mu.Unlock()
	if end == nil {
		t.Errorf("no instance follows run %s", run)
		return
	}
	end <- word
}

func (h *holder) follows(run string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.open[run] != nil
}

// traceparent is what the POST of a run carried.
func (h *holder) traceparent(run string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.trace[run]
}

func (h *holder) postedTwice() (runs []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for run, n := range h.posts {
		if n > 1 {
			runs = append(runs, run)
		}
	}
	return runs
}

// config names scrapers that are all played by the holder, which is silent for as long as
// a slow test takes. Their hold-down is the shortest, so that a test need not wait for it
// for long.
func (h *holder) config(names ...string) string {
	var b strings.Builder
	b.WriteString("shutdown_grace: 300ms\nscrapers:\n")
	for _, name := range names {
		fmt.Fprintf(&b, "  - {name: %s, url: %q, idle_timeout: 10m, probe: {interval: 200ms}, recovery: {hold_down: 1s}}\n", name, h.URL+"/"+name)
	}
	return b.String()
}
