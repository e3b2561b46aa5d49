package domain

import (
	"time"

	"github.com/google/uuid"
)

// rescrapeNamespace and slotNamespace make run ids follow from their cause.
// Changing either lets a redelivered cause start a second run.
var (
	rescrapeNamespace = uuid.MustParse("6f0d7c9e-52d3-5b0a-9a57-0f6f3c1f5a01")
	slotNamespace     = uuid.MustParse("2b1f6f43-7a07-5c55-8c5e-5f3ad2a64f02")
)

// Rescrape is the saga: it returns the command that follows from a recorded event. A
// restored connection starts a new scrape at once; the end of a pause starts the one
// that was held back. The id of the run follows from the id of the event, so a second
// delivery starts the same run. The handler chooses the instance that follows it.
func Rescrape(e Event, id uuid.UUID) []Command {
	runID := uuid.NewSHA1(rescrapeNamespace, id[:])
	switch e := e.(type) {
	case ConnectionRestored:
		return []Command{StartScrape{
			ToScraper: ToScraper{Scraper: e.Scraper}, RunID: runID,
			Trigger: TriggerRecovery, Recovers: e.RunID,
		}}
	case ScraperResumed:
		return []Command{StartScrape{
			ToScraper: ToScraper{Scraper: e.Scraper}, RunID: runID,
			Trigger: TriggerRecovery,
		}}
	default:
		return nil
	}
}

// SlotRunID is the id of the run that a slot becomes: however many instances
// tick, they ask for the same run.
func SlotRunID(scraper string, due time.Time) uuid.UUID {
	return uuid.NewSHA1(slotNamespace, []byte(scraper+"@"+due.UTC().Format(time.RFC3339Nano)))
}
