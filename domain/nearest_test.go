package domain_test

import (
	"strings"
	"testing"

	"scrapelog/domain"
)

func TestNearestKnowsASlipOfThePen(t *testing.T) {
	known := []string{"status", "scraper", "trigger", "since", "until", "cursor", "limit", "at_least"}
	for word, want := range map[string]string{
		"staus": "status", "sttaus": "status", "Status": "status", "limt": "limit", "limits": "limit", "scrapers": "scraper",
		"at-least": "at_least", "atleast": "at_least", "until": "until",
		"": "", "x": "", "colour": "", "offset": "", strings.Repeat("s", 100000): "",
	} {
		if got := domain.Nearest(word, known); got != want {
			t.Errorf("%.20q is nearest to %q, want %q", word, got, want)
		}
	}
}
