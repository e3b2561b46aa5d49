package scrape

import (
	"os"
	"slices"
	"strings"
	"testing"

	"scrapelog/domain/domaintest"
)

func TestTheTableOfFaultsHasEveryCauseAndCode(t *testing.T) {
	text, err := os.ReadFile("../../docs/design/faults.md")
	if err != nil {
		t.Fatal(err)
	}
	words := domaintest.Words(t)
	for _, word := range slices.Concat(words["Cause"], words["FailureCode"]) {
		if !strings.Contains(string(text), "`"+word+"`") {
			t.Errorf("docs/design/faults.md does not say which fault is recorded as %s", word)
		}
	}
}
