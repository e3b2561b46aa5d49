package filter

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scrapelog/domain"
	"scrapelog/projections"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestParseRuns(t *testing.T) {
	for text, want := range map[string]Runs{
		"":                      {},
		"status:failed":         {Filter: projections.RunFilter{Statuses: []domain.RunStatus{"failed"}}},
		"Status:Failed,running": {Filter: projections.RunFilter{Statuses: []domain.RunStatus{"failed", "running"}}},
		"status:failed  status:cancelled\ttrigger:manual": {Filter: projections.RunFilter{Statuses: []domain.RunStatus{"failed", "cancelled"}, Trigger: "manual"}},
		"scraper:prices shop a1b2c3":                      {Filter: projections.RunFilter{Scraper: "prices", Text: "shop a1b2c3"}},
		"since:-1h until:@42":                             {Since: When{Time: noon.Add(-time.Hour)}, Until: When{Position: 42}},
		`since:"2026-11-22T10:00"`:                        {Since: When{Time: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}},
		"short:true short:true":                           {Filter: projections.RunFilter{Short: true}},
	} {
		got := ParseRuns(text, noon)
		if err := got.Err(); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if again := ParseRuns(Text(got.Terms...), noon); cmp.Diff(again, got) != "" {
			t.Errorf("%q is written as %q", text, Text(got.Terms...))
		}
		got.Terms = nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

// A wrong term has an error that names it and the word that was probably meant. The
// others apply.
func TestAWrongTerm(t *testing.T) {
	for term, want := range map[string]string{
		"status:faild":   `status: "faild" is not a status; did you mean failed?`,
		"status:x":       `status: "x" is not a status; use running, completed, failed, connection_failed or cancelled`,
		"statsu:failed":  `filter: "statsu:" is not one; did you mean status:?`,
		"http://x":       "filter: \"http:\" is not one; use scraper:, status:, trigger:, since:, until:, short:",
		"trigger:manul":  `trigger: "manul" is not a trigger; did you mean manual?`,
		"trigger:":       "trigger: has no value; write it behind the colon, such as status:failed",
		"scraper:A_b":    `scraper: "A_b" is not a scraper name; use 1 to 63 of a-z, 0-9 and -; a part of a name is written without scraper:`,
		"scraper:b":      "scraper: is given twice; leave one of them out",
		"since:noon":     `since: "noon" is not a time; use ` + WhenHelp,
		"short:no":       `short: "no" is not a filter; use true, or leave it out`,
		"since:\x00":     "since: is too long or holds what is no text; use up to 500 bytes without control characters",
		"status:failed,": `status: "" is not a status; use running, completed, failed, connection_failed or cancelled`,
	} {
		got := ParseRuns("scraper:a "+term+" status:running", noon)
		if got.Err() == nil || got.Err().Error() != want {
			t.Errorf("%q: %v, want %s", term, got.Err(), want)
		}
		if got.Filter.Scraper != "a" || len(got.Filter.Statuses) != 1 || got.Filter.Statuses[0] != domain.StatusRunning {
			t.Errorf("%q: the others come to %+v", term, got.Filter)
		}
	}
}

func FuzzParseRuns(f *testing.F) {
	f.Add(`scraper:"a b" status:failed,running since:-1h x`)
	f.Fuzz(func(t *testing.T, text string) {
		once := ParseRuns(text, noon)
		again := ParseRuns(Text(once.Terms...), noon)
		if once.Err() == nil && cmp.Diff(once, again) != "" {
			t.Errorf("%q is written as %q", text, Text(once.Terms...))
		}
	})
}
