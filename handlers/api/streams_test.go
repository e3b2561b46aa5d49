package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tmaxmax/go-sse"

	"scrapelog/domain"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/problem"
)

// stream reads one open stream, event by event.
func (s *service) stream(path string, header ...string) (next func() sse.Event, res *http.Response) {
	s.Helper()
	res = s.open("GET", path, "", header...)
	s.Cleanup(func() { res.Body.Close() })
	if ct := res.Header.Get("Content-Type"); res.StatusCode != 200 || !strings.HasPrefix(ct, "text/event-stream") {
		s.Fatalf("%s: %d %s", path, res.StatusCode, ct)
	}
	events := make(chan sse.Event)
	ended := make(chan struct{})
	s.Cleanup(func() { close(ended) })
	go func() {
		defer close(events)
		for e, err := range sse.Read(res.Body, nil) {
			if err != nil {
				return
			}
			select {
			case events <- e:
			case <-ended:
				return
			}
		}
	}()
	return func() sse.Event {
		s.Helper()
		select {
		case e, open := <-events:
			if !open {
				s.Fatalf("%s ended", path)
			}
			return e
		case <-time.After(deadline):
			s.Fatalf("%s: no event came", path)
		}
		return sse.Event{}
	}, res
}

func TestTheTailIsTheLogInOrder(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := start(t, db)
		s.configure("shop")
		next, _ := s.stream("/api/v1/events/stream")
		first := next()
		var event map[string]any
		if err := json.Unmarshal([]byte(first.Data), &event); err != nil {
			t.Fatal(err)
		}
		if first.LastEventID != "1" || first.Type != "scraper.configured" || event["position"] != 1.0 || event["stream"] != "scraper-shop" {
			t.Errorf("first came %+v", first)
		}
		s.run("shop") // while the stream is open
		if e := next(); e.LastEventID != "2" || e.Type != "run.started" {
			t.Errorf("then came %+v", e)
		}
		next, _ = s.stream("/api/v1/events/stream?after=1")
		if e := next(); e.LastEventID != "2" {
			t.Errorf("after=1 begins with %s", e.LastEventID)
		}
		next, _ = s.stream("/api/v1/events/stream?after=0", "Last-Event-Id", "1")
		if e := next(); e.LastEventID != "2" {
			t.Errorf("Last-Event-ID 1 begins with %s", e.LastEventID)
		}
	})
}

// TestTheTailResumesWithoutAGap cuts the stream again and again while several
// writers append, and resumes where it was cut.
func TestTheTailResumesWithoutAGap(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	cuts := rand.New(rand.NewPCG(seed, 0))
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		const writers, each = 4, 60
		s := start(t, db)
		for w := range writers {
			s.configure(fmt.Sprintf("shop-%d", w))
		}
		s.unfollow() // only the log matters here
		var appending sync.WaitGroup
		for w := range writers {
			appending.Go(func() {
				for i := range each {
					if err := s.toggle(fmt.Sprintf("shop-%d", w), i); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		defer appending.Wait()
		seen := int64(0)
		for seen < writers+writers*each {
			next, res := s.stream("/api/v1/events/stream", "Last-Event-Id", strconv.FormatInt(seen, 10))
			for range 1 + cuts.IntN(60) {
				if e := next(); e.LastEventID != strconv.FormatInt(seen+1, 10) {
					t.Fatalf("after %d came %s", seen, e.LastEventID)
				}
				if seen++; seen == writers+writers*each {
					break
				}
			}
			res.Body.Close()
		}
	})
}

// toggle appends one event: a pause or its end.
func (s *service) toggle(scraper string, i int) error {
	to := domain.ToScraper{Scraper: scraper}
	var c domain.Command = domain.PauseScraper{ToScraper: to}
	if i%2 == 1 {
		c = domain.ResumeScraper{ToScraper: to}
	}
	recorded, err := s.handle(context.Background(), c, domain.Origin{Actor: "test"})
	if err == nil && len(recorded) != 1 {
		err = fmt.Errorf("%d events", len(recorded))
	}
	return err
}

func TestAWatcherSeesTheStateThenEachChange(t *testing.T) {
	s := start(t, eventstoretest.SQLite(t))
	s.configure("shop")
	next, res := s.stream("/api/v1/watch?id=tab-1")
	state := next()
	var first struct {
		Runs     []any
		Scrapers []struct{ Name string }
		Counts   map[string]int
		Position *int64
	}
	if err := json.Unmarshal([]byte(state.Data), &first); err != nil {
		t.Fatal(err)
	}
	if state.Type != "state" || first.Runs == nil || len(first.Scrapers) != 1 || len(first.Counts) != 5 || first.Position == nil {
		t.Errorf("first came %+v", state)
	}
	if !s.watchers.Present("tab-1") {
		t.Error("the watcher is not present")
	}
	id := s.run("shop")
	seen := map[string]string{}
	for seen["run"] == "" || seen["scraper"] == "" || seen["counts"] == "" {
		e := next()
		seen[e.Type] = e.Data
	}
	if !strings.Contains(seen["run"], id) || !strings.Contains(seen["scraper"], id) || !strings.Contains(seen["counts"], `"running":1`) {
		t.Errorf("changes came as %v", seen)
	}
	res.Body.Close()
	s.eventually("the watcher is gone", func() bool { return !s.watchers.Present("tab-1") })
}

func (s *service) eventually(what string, true func() bool) {
	s.Helper()
	end := time.Now().Add(deadline)
	for !true() {
		if time.Now().After(end) {
			s.Fatalf("not in time: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestWrongStreamsAreRefusedBeforeTheyBegin(t *testing.T) {
	s := start(t, eventstoretest.SQLite(t))
	requests := map[string][]string{
		"/api/v1/events/stream?after=x":                        nil,
		"/api/v1/events/stream?after=18446744073709551616":     nil,
		"/api/v1/events/stream":                                {"Last-Event-Id", "-1"},
		"/api/v1/watch?id=" + strings.Repeat("x", 129):         nil,
		"/api/v1/watch?id=two%20words":                         nil,
		"/api/v1/watch?id=%00":                                 nil,
		"/api/v1/watch?id=%E2%80%AEbidi":                       nil,
		"/api/v1/events/stream?after=1&after=%zz&unescaped=%1": nil,
	}
	for path, header := range requests {
		if a := s.expect(400, "GET", path, "", header...); a.header.Get("Content-Type") != problem.ContentType {
			t.Errorf("%s: %s", path, a.header.Get("Content-Type"))
		}
	}
}

func TestShutdownEndsStreamsAndRefusesNewOnes(t *testing.T) {
	s := start(t, eventstoretest.SQLite(t))
	ended := make(chan error, 2)
	for _, path := range []string{"/api/v1/events/stream", "/api/v1/watch?id=tab"} {
		res := s.open("GET", path, "")
		defer res.Body.Close()
		go func() {
			for _, err := range sse.Read(res.Body, nil) {
				if err != nil {
					ended <- err
					return
				}
			}
			ended <- nil
		}()
	}
	s.eventually("both streams are open", func() bool {
		return s.handler.Tails() == 1 && s.hub.Readers() == 1
	})
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	if err := s.server.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-ended; err != nil {
			t.Errorf("a stream was cut: %v", err)
		}
	}
	for _, path := range []string{"/api/v1/events/stream", "/api/v1/watch"} {
		w, done := ask(t.Context(), s.echo, path)
		<-done
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "ShuttingDown") {
			t.Errorf("%s after the shutdown: %d %s", path, w.Code, w.Body)
		}
	}
}
