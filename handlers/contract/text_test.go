package contract

import (
	"fmt"
	"strings"
	"testing"

	"scrapelog/docs"
	"scrapelog/domain"
)

// TestTheTextSaysWhatHolds compares its figures with what the program goes by.
func TestTheTextSaysWhatHolds(t *testing.T) {
	contract, _ := docs.Get("contract")
	cfg := domain.DefaultScraperConfig()
	text := strings.Join(strings.Fields(contract.Text), " ")
	for _, claim := range []string{
		fmt.Sprintf("any byte within %.0f seconds (`idle_timeout`)", cfg.IdleTimeout.Std().Seconds()),
		"waits ten seconds for it (`start_timeout`)",
		fmt.Sprintf("at most %d KB an event", maxEvent>>10),
		fmt.Sprintf("An event past %d KB", maxBlock>>10),
		"three beats without one are a lost run",
		"sends `HEAD` to the same URL once a second",
	} {
		if !strings.Contains(text, claim) {
			t.Errorf("the text does not say: %s", claim)
		}
	}
	if cfg.StartTimeout.Std().Seconds() != 10 || cfg.Probe.Interval.Std().Seconds() != 1 || beatsToLose != 3 {
		t.Error("a figure has changed that the text gives in words")
	}
}
