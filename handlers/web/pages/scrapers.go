package pages

import (
	"strings"

	"scrapelog/domain"
	"scrapelog/projections"
)

// streakText is a streak as a sentence that goes on or stands by itself.
func streakText(s domain.Streak) string {
	text := clean(s.String())
	if strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

// lostThen returns the text after the time of a loss: why, and what the recovery waits for.
func lostThen(p ScraperPage) string {
	cause := ": " + causeText(p.Connection.Cause) + ". "
	if p.Removed {
		return cause
	}
	return cause + sentenceCase(WaitingText(Loss{Scraper: p.Scraper, Waiting: p.Waiting})) + ". "
}

// skippedText returns which scrape was last skipped.
func skippedText(s projections.Skip) string {
	return "A scrape " + triggerText(s.Trigger) + " was last skipped"
}
