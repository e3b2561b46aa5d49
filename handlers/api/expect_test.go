package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore/eventstoretest"
)

func TestExpectations(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := start(t, db)
		const expecting = `{"url":"http://127.0.0.1:9/scrapes/shop","expect":{"success_within":"26h","min_items":2}}`
		for body, field := range map[string]string{
			`{"url":"http://x/","expect":{"success_within":"-1s"}}`: "expect.success_within",
			`{"url":"http://x/","expect":{"success_within":"1d"}}`:  "1d",
			`{"url":"http://x/","expect":{"min_items":-1}}`:         "expect.min_items",
			`{"url":"http://x/","expect":{"min_items":1.5}}`:        "min_items",
			`{"url":"http://x/","expect":{"max_items":1}}`:          "max_items",
			`{"url":"http://x/","expect":7}`:                        "expect",
		} {
			if a := s.expect(400, "PUT", "/api/v1/scrapers/shop", body); !strings.Contains(string(a.body), field) {
				t.Errorf("%s: %s does not name %s", body, a.body, field)
			}
		}
		configured := s.expect(201, "PUT", "/api/v1/scrapers/shop", expecting)
		if !strings.Contains(string(configured.body), `"expect":{"success_within":"26h","min_items":2}`) {
			t.Errorf("configured %s", configured.body)
		}
		ids := []string{s.run("shop")}
		s.command(domain.ReportCompleted{ToRun: domain.ToRun{RunID: uuid.MustParse(ids[0])}, Items: 2, MinItems: 2})
		ids = append(ids, s.run("shop"))
		position := s.command(domain.ReportCompleted{ToRun: domain.ToRun{RunID: uuid.MustParse(ids[1])}, Items: 1, MinItems: 2})[0].Position

		var runs struct {
			Runs []struct {
				ID       string
				Items    int64
				MinItems *int64 `json:"min_items"`
			}
		}
		s.expect(200, "GET", fmt.Sprintf("/api/v1/runs?at_least=%d", position), "").decode(t, &runs)
		if len(runs.Runs) != 2 || runs.Runs[0].MinItems == nil || *runs.Runs[0].MinItems != 2 || runs.Runs[1].MinItems != nil {
			t.Errorf("all: %+v", runs)
		}
		for query, want := range map[string]int{
			"short=true": 1, "short=true&scraper=shop&trigger=manual": 1, "short=true&status=completed": 1, "short=true&status=failed": 0, "short=": 2,
			"text=sh&short=true": 1, "text=shop": 2, "text=nope": 0, "text=shop&scraper=other": 0,
		} {
			if s.expect(200, "GET", "/api/v1/runs?"+query, "").decode(t, &runs); len(runs.Runs) != want || want == 1 && runs.Runs[0].ID != ids[1] {
				t.Errorf("%s: %+v", query, runs)
			}
		}
		s.expect(400, "GET", "/api/v1/runs?short=false", "")
		s.expect(400, "GET", "/api/v1/runs?short=yes", "")

		guard, err := s.store.Guard(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		position = s.command(domain.ReportOverdue{ToScraper: domain.ToScraper{Scraper: "shop"}, Since: guard.Expect.Since})[0].Position
		var scraper struct {
			OverdueSince  time.Time `json:"overdue_since"`
			LastSuccessAt time.Time `json:"last_success_at"`
		}
		s.expect(200, "GET", fmt.Sprintf("/api/v1/scrapers/shop?at_least=%d", position), "").decode(t, &scraper)
		if scraper.OverdueSince.IsZero() || !scraper.LastSuccessAt.Equal(guard.Expect.LastSuccess) {
			t.Errorf("%+v, the last success was %s", scraper, guard.Expect.LastSuccess)
		}
		event := s.expect(200, "GET", fmt.Sprintf("/api/v1/events/%d", position), "")
		if !strings.Contains(string(event.body), `"stream":"scraper-shop"`) || !strings.Contains(string(event.body), `"within":"26h"`) {
			t.Errorf("recorded %s", event.body)
		}
	})
}
