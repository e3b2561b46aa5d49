package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore/eventstoretest"
)

// TestAnyPartOfARunsIDNamesIt asks every route that takes a run's id.
func TestAnyPartOfARunsIDNamesIt(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := start(t, db)
		s.configure("shop")
		id := uuid.MustParse("0198c2f4-7c1e-7d3a-9a10-2f6f3b0c5d11")
		twin := uuid.MustParse("0198c2f4-ffff-7d3a-9a10-000000000011")
		for _, run := range []uuid.UUID{twin, id} {
			s.command(domain.StartScrape{ToScraper: domain.ToScraper{Scraper: "shop"}, RunID: run, Trigger: domain.TriggerManual})
			if run == twin {
				s.command(domain.ReportCompleted{ToRun: domain.ToRun{RunID: run}})
			}
		}
		head := s.expect(200, "GET", "/api/v1/events", "")
		var log struct{ Events []struct{ Position int64 } }
		head.decode(t, &log)
		seen := fmt.Sprintf("at_least=%d", log.Events[len(log.Events)-1].Position)
		s.expect(200, "GET", "/api/v1/runs?"+seen, "")
		for _, part := range []string{id.String(), "0198C2F4-7C1E", "3b0c5d11", "0c5d11", "…3b0c5d11", "9a10-2f6f3b", "run-3b0c5d11", "latest", "run-latest"} {
			var run struct{ ID uuid.UUID }
			s.expect(200, "GET", "/api/v1/runs/"+url.PathEscape(part), "").decode(t, &run)
			if run.ID != id {
				t.Errorf("%s is %s, want %s", part, run.ID, id)
			}
			var events struct{ Events []struct{ Stream string } }
			stream := "run-" + strings.TrimPrefix(part, "run-")
			s.expect(200, "GET", "/api/v1/events?stream="+url.QueryEscape(stream), "").decode(t, &events)
			if len(events.Events) != 1 || events.Events[0].Stream != domain.RunStream(id) {
				t.Errorf("events of %s: %+v", stream, events)
			}
		}
		for _, path := range []string{"/api/v1/runs/0198c2f4", "/api/v1/events?stream=run-0198c2f4"} {
			if a := s.expect(400, "GET", path, ""); !strings.Contains(string(a.body), id.String()) || !strings.Contains(string(a.body), twin.String()) {
				t.Errorf("%s does not name the candidates: %s", path, a.body)
			}
		}
		s.expect(400, "POST", "/api/v1/runs/0198c2f4/cancel", "")
		s.expect(404, "GET", "/api/v1/runs/123456", "")
		s.expect(404, "POST", "/api/v1/runs/123456/cancel", "")
		s.expect(404, "GET", "/api/v1/events?stream=run-123456", "")
		var cancelled struct {
			ID     uuid.UUID
			Status string
		}
		s.expect(200, "POST", "/api/v1/runs/3b0c5d11/cancel", "").decode(t, &cancelled)
		if cancelled.ID != id || cancelled.Status != "cancelled" {
			t.Errorf("cancelled %+v", cancelled)
		}
	})
}
