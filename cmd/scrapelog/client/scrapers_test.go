package client

import (
	"encoding/json"
	"testing"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/projections"
)

func TestWhatTheTablesSayOfAScraper(t *testing.T) {
	for name, test := range map[string]struct{ scraper, next, streak string }{
		"up": {
			`{"connection":{"state":"up"},"config":{"recovery":{"enabled":true}},"next_slot":"2026-11-28T05:00:00Z"}`, "2026-11-28T05:00:00Z", "",
		},
		"lost": {
			`{"connection":{"state":"lost","link":"scraper"},"config":{"recovery":{"enabled":true}},"next_slot":"2026-11-28T05:00:00Z","after_recovery":true}`, "after recovery", "",
		},
		"lost without a schedule": {`{"connection":{"state":"lost","link":"scraper"},"config":{"recovery":{"enabled":true}}}`, "", ""},
		"lost without recovery": {
			`{"connection":{"state":"lost","link":"scraper"},"config":{"recovery":{"enabled":false}},"next_slot":"2026-11-28T05:00:00Z"}`, "2026-11-28T05:00:00Z", "",
		},
		"lost the same way": {
			`{"connection":{"state":"up"},"streak":{"cause":"eof","runs":38,"shortest_ms":12000,"longest_ms":13000}}`,
			"", "lost the same way 38 times: eof after 12 to 13 s; a proxy or worker timeout?",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var v projections.Scraper
			if err := json.Unmarshal([]byte(test.scraper), &v); err != nil {
				t.Fatal(err)
			}
			if nextText(v, term.Stamp) != test.next || streakText(v.Streak) != test.streak {
				t.Errorf("next %q, streak %q", nextText(v, term.Stamp), streakText(v.Streak))
			}
		})
	}
}
