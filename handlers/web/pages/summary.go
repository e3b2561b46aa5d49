package pages

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// Summary says an event in one line. Nil is an event of a newer program.
func Summary(e domain.Event) string {
	switch e := e.(type) {
	case nil:
		return "an event that this version does not know"
	case domain.RunEvent:
		return runSummary(e)
	case domain.ScraperEvent:
		return scraperSummary(e)
	case domain.LogAccepted:
		return fmt.Sprintf("the log was accepted by %s with %s of %s proven%s", clean(e.By), number(e.Proven), plural(e.Superseded, "signed event"), because(e.Reason))
	default:
		return e.EventType()
	}
}

func runSummary(e domain.RunEvent) string {
	switch e := e.(type) {
	case domain.RunStarted:
		return startedSummary(e)
	case domain.ConnectionLost:
		return fmt.Sprintf("%s: connection lost, %s", clean(e.Scraper), causeText(e.Cause))
	case domain.ConnectionRestored:
		return fmt.Sprintf("%s: connection back after %s, %s", clean(e.Scraper), Took(time.Duration(e.DownForMS)*time.Millisecond), noticedWords[e.NoticedBy])
	case domain.RunCompleted:
		return fmt.Sprintf("%s: completed in %s, %s", clean(e.Scraper), Took(time.Duration(e.DurationMS)*time.Millisecond), plural(e.Items, "item")) + because(e.Note)
	case domain.RunFailed:
		return fmt.Sprintf("%s: failed, %s", clean(e.Scraper), failedText(e.Code, e.HTTPStatus))
	case domain.RunCancelled:
		return fmt.Sprintf("%s: cancelled by %s%s", clean(e.Scraper), clean(e.By), because(e.Reason))
	}
	return e.EventType()
}

func startedSummary(e domain.RunStarted) string {
	text := fmt.Sprintf("%s: started %s", clean(e.Scraper), triggerText(e.Trigger))
	if e.Recovers != uuid.Nil {
		text += " " + short(e.Recovers)
	}
	if e.Watcher != "" {
		text += ", attached to a watcher"
	}
	return text
}

func scraperSummary(e domain.ScraperEvent) string {
	switch e := e.(type) {
	case domain.ScraperConfigured:
		return fmt.Sprintf("%s: configured by the %s", clean(e.Scraper), sourceText(e.Source))
	case domain.ScraperPaused:
		return fmt.Sprintf("%s: paused by %s%s", clean(e.Scraper), clean(e.By), because(e.Reason))
	case domain.ScraperResumed:
		return fmt.Sprintf("%s: resumed by %s%s", clean(e.Scraper), clean(e.By), because(e.Reason))
	case domain.ScraperRemoved:
		return fmt.Sprintf("%s: removed by %s%s", clean(e.Scraper), clean(e.By), because(e.Reason))
	case domain.ScrapeSkipped:
		return fmt.Sprintf("%s: a scrape %s was skipped, %s", clean(e.Scraper), triggerText(e.Trigger), skipText(e.Reason))
	}
	return e.EventType()
}

func sourceText(s domain.Source) string {
	if s == domain.SourceFile {
		return "configuration file"
	}
	return "API"
}
