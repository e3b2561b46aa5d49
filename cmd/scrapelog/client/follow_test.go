package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"scrapelog/cmd/scrapelog/term"
)

// TestASilentStreamIsLost: one that is half open looks like one on which nothing
// happens.
func TestASilentStreamIsLost(t *testing.T) {
	const open = `{"id":"0198c2f4-0000-7000-8000-000000000001","scraper":"shop","status":"running"}`
	const done = `{"id":"0198c2f4-0000-7000-8000-000000000001","scraper":"shop","status":"completed"}`
	var attempts atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/runs/{id}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, open) })
	mux.HandleFunc("GET /api/v1/watch", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		if attempts.Add(1) > 1 { // on a busy machine the second can be taken for silent too
			_, _ = io.WriteString(w, "event: run\ndata: "+done+"\n\n")
			return
		}
		_, _ = io.WriteString(w, "event: state\ndata: {}\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	var out bytes.Buffer
	follower := newFollower(&client{server: server.URL, http: http.DefaultClient}, &term.Printer{Out: &out, Notes: io.Discard, Format: "ndjson"})
	if follower.silence != 15*time.Second {
		t.Errorf("%v of silence", follower.silence)
	}
	follower.silence = 50 * time.Millisecond
	var r runDoc
	if err := json.Unmarshal([]byte(open), &r); err != nil {
		t.Fatal(err)
	}
	if err := follower.follow(t.Context(), r, nil); err != nil || out.String() != open+"\n"+done+"\n" {
		t.Errorf("%v, %q", err, out.String())
	}
}

// TestWhatIsHeardKeepsAStreamOpen: only silence ends it.
func TestWhatIsHeardKeepsAStreamOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body, server := io.Pipe()
		ctx, cancel := context.WithCancelCause(t.Context())
		s := newLiveStream(body, cancel, 15*time.Second, term.ErrUnreachable)
		defer s.close()
		buffer := make([]byte, 1)
		for range 3 {
			go func() {
				time.Sleep(10 * time.Second)
				_, _ = server.Write([]byte("\n"))
			}()
			if _, err := s.Read(buffer); err != nil || ctx.Err() != nil {
				t.Fatal(err, context.Cause(ctx))
			}
		}
		time.Sleep(14 * time.Second)
		synctest.Wait()
		if ctx.Err() != nil {
			t.Error("ended before its time")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if !errors.Is(context.Cause(ctx), term.ErrUnreachable) {
			t.Error("silence is not heard")
		}
	})
}
