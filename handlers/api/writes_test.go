package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"scrapelog/domain"
	"scrapelog/eventstore/eventstoretest"
)

func TestAWriteIsReadBackByItsPosition(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := start(t, db)
		s.configure("shop")
		started := s.expect(201, "POST", "/api/v1/scrapers/shop/runs", `{"attach":"tab","params":{"depth":2}}`, "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		var run map[string]any
		started.decode(t, &run)
		location := started.header.Get("Location")
		if location != "/api/v1/runs/"+run["id"].(string) || run["status"] != "running" || run["trigger"] != "manual" || run["watcher"] != "tab" || run["instance"] != "instance-1" {
			t.Errorf("started %s at %s", started.body, location)
		}
		again := s.expect(200, "GET", fmt.Sprintf("%s?at_least=%d", location, started.position(t)), "")
		if told := strings.Replace(string(started.body), `,"watcher":"tab"`, "", 1); string(again.body) != told { // others are not shown it
			t.Errorf("read back %s, was told %s", again.body, started.body)
		}
		var event struct {
			Type     string
			Data     struct{ Params map[string]int }
			Metadata map[string]string
		}
		s.expect(200, "GET", fmt.Sprintf("/api/v1/events/%d", started.position(t)), "").decode(t, &event)
		if event.Type != "run.started" || event.Data.Params["depth"] != 2 || event.Metadata["actor"] != "user:api" || event.Metadata["traceparent"] == "" {
			t.Errorf("recorded %+v", event)
		}
	})
}

func TestWhatIsSoAlreadyChangesNothing(t *testing.T) {
	s := start(t, eventstoretest.SQLite(t))
	s.configure("shop")
	id := s.run("shop")
	writes := []struct{ method, path, body string }{
		{"PUT", "/api/v1/scrapers/shop", shop},
		{"POST", "/api/v1/scrapers/shop/pause", `{"reason":"first"}`},
		{"POST", "/api/v1/runs/" + id + "/cancel", ""},
		{"POST", "/api/v1/scrapers/shop/resume", `{}`},
		{"DELETE", "/api/v1/scrapers/shop", ""},
	}
	var last answer
	for _, w := range writes {
		first := s.do(w.method, w.path, w.body)
		second := s.do(w.method, w.path, w.body)
		if first.status >= 300 || second.status != first.status {
			t.Errorf("%s %s: %d, then %d %s", w.method, w.path, first.status, second.status, second.body)
		}
		if first.position(t) != second.position(t) {
			t.Errorf("%s %s: the log went from %d to %d", w.method, w.path, first.position(t), second.position(t))
		}
		last = second
	}
	if a := s.do("GET", fmt.Sprintf("/api/v1/scrapers/shop?at_least=%d", last.position(t)), ""); a.status != http.StatusNotFound {
		t.Errorf("a removed scraper: %d %s", a.status, a.body)
	}
	s.configure("shop") // 201: it is new again
}

func TestAnAnswerDoesWithoutAReadModelThatIsLate(t *testing.T) {
	s := start(t, eventstoretest.SQLite(t))
	s.unfollow()
	var scraper struct {
		Name   string
		Paused bool
		Config domain.ScraperConfig
	}
	s.expect(201, "PUT", "/api/v1/scrapers/shop", shop).decode(t, &scraper)
	if scraper.Name != "shop" || scraper.Config.Schedule != "@every 1h" {
		t.Errorf("configured %+v", scraper)
	}
	var run struct {
		ID, Status string
		Position   int64
	}
	started := s.expect(201, "POST", "/api/v1/scrapers/shop/runs", "")
	started.decode(t, &run)
	if run.Status != "running" || run.Position != started.position(t) {
		t.Errorf("started %s", started.body)
	}
	cancelled := s.expect(200, "POST", "/api/v1/runs/"+run.ID+"/cancel", "")
	cancelled.decode(t, &run)
	if run.Status != "cancelled" || run.Position != cancelled.position(t) {
		t.Errorf("cancelled %s", cancelled.body)
	}
	s.expect(200, "POST", "/api/v1/scrapers/shop/pause", "").decode(t, &scraper)
	if !scraper.Paused {
		t.Errorf("paused %+v", scraper)
	}
}
