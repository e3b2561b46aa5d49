package contract

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/PuerkitoBio/goquery"

	"scrapelog/domain"
)

func TestTheTextFitsATerminal(t *testing.T) {
	if !strings.HasPrefix(Text, "# "+Title+"\n") {
		t.Error("the text does not begin with its title")
	}
	for line := range strings.Lines(Text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 82 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

func TestThePage(t *testing.T) {
	page, err := goquery.NewDocumentFromReader(strings.NewReader(HTML()))
	if err != nil {
		t.Fatal(err)
	}
	if h1 := page.Find("h1"); h1.Length() != 1 || h1.Text() != Title {
		t.Errorf("headings: %q", h1.Text())
	}
	if n := page.Find("table tbody tr").Length(); n != 5 {
		t.Errorf("%d kinds of answers, want 5", n)
	}
	if page.Find("[style]").Length() > 0 || page.Find("h2#the-stream").Length() != 1 {
		t.Error("a style that the policy forbids, or a heading that cannot be linked to")
	}
}

// TestTheTextSaysWhatHolds compares its figures with what the program goes by.
func TestTheTextSaysWhatHolds(t *testing.T) {
	cfg := domain.DefaultScraperConfig()
	text := strings.Join(strings.Fields(Text), " ")
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
