package words_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/domain/domaintest"
	"scrapelog/handlers/words"
)

// TestEveryConstantOfTheDomainHasWords reads the constants from the domain's source,
// so that a new one without words fails here.
func TestEveryConstantOfTheDomainHasWords(t *testing.T) {
	wordsOf := map[string]func(string) string{
		"RunStatus":   func(s string) string { return words.Status(domain.RunStatus(s)) },
		"Trigger":     func(s string) string { return words.Trigger(domain.Trigger(s)) },
		"Link":        func(s string) string { return words.Link(domain.Link(s)) },
		"Phase":       func(s string) string { return words.Phase(domain.Phase(s)) },
		"Cause":       func(s string) string { return words.Cause(domain.Cause(s)) },
		"FailureCode": func(s string) string { return words.Code(domain.FailureCode(s)) },
		"SkipReason":  func(s string) string { return words.Skip(domain.SkipReason(s)) },
		"NoticedBy":   func(s string) string { return words.Noticed(domain.NoticedBy(s)) },
		"Role":        func(s string) string { return words.Role(domain.Role(s)) },
		"Source":      func(s string) string { return words.Source(domain.Source(s)) },
	}
	for kind, values := range domaintest.Words(t) {
		if wordsOf[kind] == nil {
			t.Errorf("the constants of %s have no words", kind)
			continue
		}
		seen := map[string]string{}
		for _, value := range values {
			text := wordsOf[kind](value)
			if text == "" || text == value {
				t.Errorf("%s %q has no words", kind, value)
			}
			if other, taken := seen[text]; taken {
				t.Errorf("%s %q and %q have the same words: %s", kind, value, other, text)
			}
			seen[text] = value
		}
		delete(wordsOf, kind)
	}
	for kind := range wordsOf {
		t.Errorf("no constant of %s was found in the domain's source", kind)
	}
}

func TestAnUnknownValueIsShownAsOnTheWire(t *testing.T) {
	for _, got := range []string{
		words.Status("new"), words.Trigger("new"), words.Link("new"), words.Phase("new"), words.Cause("new"),
		words.Code("new"), words.Skip("new"), words.Noticed("new"), words.Source("new"), words.Role("new"),
	} {
		if got != "new" {
			t.Errorf("got %q, want new", got)
		}
	}
}

func TestTheBadgeOfALostConnection(t *testing.T) {
	if got := words.Status(domain.StatusConnectionFailed); got != "Connection failed" {
		t.Errorf("got %q", got)
	}
}

func TestEveryEventHasASummary(t *testing.T) {
	for _, eventType := range domain.EventTypes {
		e, err := domain.Decode(eventType, []byte(`{"scraper":"shop-prices"}`))
		if err != nil {
			t.Fatal(err)
		}
		if text := words.Summary(e); text == eventType || !strings.HasPrefix(text, "shop-prices: ") {
			t.Errorf("event %s has the summary %q", eventType, text)
		}
	}
	if got := words.Summary(nil); got != "an event that this version does not know" {
		t.Errorf("an unknown event has the summary %q", got)
	}
}

func TestSummaries(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	lost := uuid.MustParse("0198c2f4-0000-7000-8000-0000c2f40001")
	run := domain.AboutRun{RunID: lost, Scraper: "shop", At: at}
	scraper := domain.AboutScraper{Scraper: "shop", At: at}
	for name, test := range map[string]struct {
		event          domain.Event
		summary, brief string
	}{
		"a recovery run": {
			domain.RunStarted{AboutRun: run, Trigger: domain.TriggerRecovery, Recovers: lost, Watcher: "tab-1"},
			"shop: started to recover a lost run c2f40001, attached to a watcher",
			"shop recovery recovers " + lost.String() + " watcher tab-1",
		},
		"a loss": {
			domain.ConnectionLost{AboutRun: run, Link: domain.LinkScraper, Phase: domain.PhaseStreaming, Cause: domain.CauseReset, LastEvent: "progress", Detail: "by peer"},
			"shop: connection lost, the connection was reset", "shop scraper reset streaming after event progress – by peer",
		},
		"a return": {
			domain.ConnectionRestored{AboutRun: run, Link: domain.LinkScraper, DownForMS: 79000, NoticedBy: domain.NoticedByAnnounce},
			"shop: connection back after 1 min 19 s, the scraper announced itself", "shop scraper after 1m19s by announce",
		},
		"a completed run": {
			domain.RunCompleted{AboutRun: run, Items: 12345, DurationMS: 900, Note: "came to its end."},
			"shop: completed in 900 ms, 12 345 items: came to its end", "shop items 12345 in 900ms – came to its end.",
		},
		"a completed run that brought too little": {
			domain.RunCompleted{AboutRun: run, DurationMS: 900, MinItems: 1},
			"shop: completed in 900 ms, 0 items; at least 1 expected", "shop items 0 of at least 1 in 900ms",
		},
		"an overdue scraper": {
			domain.ScraperOverdue{AboutScraper: scraper, Within: domain.Duration(26 * time.Hour), LastSuccessAt: at},
			"shop: overdue, no run has completed as expected for 26h", "shop within 26h last success 2026-11-23T12:00:00Z",
		},
		"a refused request": {
			domain.RunFailed{AboutRun: run, Code: domain.CodeRejected, HTTPStatus: 401, Detail: "401 Unauthorized"},
			"shop: failed, the scraper answered without a stream (HTTP 401)", "shop rejected – 401 Unauthorized",
		},
		"a request that was not sent": {
			domain.RunFailed{AboutRun: run, Code: domain.CodeRejected},
			"shop: failed, the request may not be sent", "shop rejected",
		},
		"a skipped slot": {
			domain.ScrapeSkipped{AboutScraper: scraper, Trigger: domain.TriggerSchedule, DueAt: at, Reason: domain.SkipPaused},
			"shop: a scrape by schedule was skipped, the scraper was paused", "shop schedule due 2026-11-23T12:00:00Z because paused",
		},
		"a log that was given out": {
			domain.LogRead{By: "cli:1000", What: domain.ReadExport, Until: 200},
			"the log was read by cli:1000, events 1 to 200: export", "export after 0 until 200 by cli:1000",
		},
		"a verified log": {
			domain.LogVerified{UpTo: 44, Result: "intact", TookMS: 1200},
			"the log was verified up to event 44: intact", "intact up to 44 in 1.2s",
		},
		"a damaged log": {
			domain.LogVerified{UpTo: 10, Result: "damaged", TookMS: 20, Says: "the event at position 17 was edited"},
			"the log was verified and is damaged: the event at position 17 was edited", "damaged up to 10 in 20ms – the event at position 17 was edited",
		},
		"an accepted log": {
			domain.LogAccepted{By: "cli", Reason: "the disk broke.", Superseded: 44, Proven: 30, Key: "a+1"},
			"the log was accepted by cli with 30 of 44 signed events proven: the disk broke",
			"signed 44 proven 30 key a+1 by cli – the disk broke.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.ReplaceAll(words.Summary(test.event), words.Unit, " "); got != test.summary {
				t.Errorf("summary is %q, want %q", got, test.summary)
			}
			if got := words.Brief(test.event); got != test.brief {
				t.Errorf("in brief it is %q, want %q", got, test.brief)
			}
		})
	}
}

func ExampleSummary() {
	fmt.Println(words.Summary(domain.ScraperPaused{AboutScraper: domain.AboutScraper{Scraper: "shop-prices"}, By: "user:cli", Reason: "maintenance"}))
	// Output: shop-prices: paused by user:cli: maintenance
}
