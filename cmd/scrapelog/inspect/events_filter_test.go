package inspect

import (
	"strings"
	"testing"
)

func TestMatchesType(t *testing.T) {
	for _, test := range []struct {
		patterns string
		matches  string
		not      string
	}{
		{"", "run.started scraper.paused", ""},
		{"run.started", "run.started", "run.failed"},
		{"run.*", "run.started run.connection_lost", "scraper.paused"},
		{"!run.*", "scraper.paused", "run.started"},
		{"run.* !run.started", "run.failed", "run.started scraper.paused"},
		{"*.paused *.resumed", "scraper.paused scraper.resumed", "run.started"},
	} {
		patterns := strings.Fields(test.patterns)
		for _, eventType := range strings.Fields(test.matches) {
			if !matchesType(patterns, eventType) {
				t.Errorf("%q does not match %s", patterns, eventType)
			}
		}
		for _, eventType := range strings.Fields(test.not) {
			if matchesType(patterns, eventType) {
				t.Errorf("%q matches %s", patterns, eventType)
			}
		}
	}
}

// FuzzFilters: "!*" leaves every type out, and no pattern is fatal.
func FuzzFilters(f *testing.F) {
	f.Add("run.*", "!run.started")
	f.Add("[", "!")
	f.Add("\\", "*")
	f.Fuzz(func(t *testing.T, wanted, unwanted string) {
		if matchesType([]string{"!*"}, wanted) && !strings.Contains(wanted, "/") {
			t.Errorf("%q is not left out", wanted)
		}
		matchesType([]string{wanted, unwanted}, "run.started")
	})
}
