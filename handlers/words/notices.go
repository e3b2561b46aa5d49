package words

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// The headings and texts of notices. A heading has no full stop.

// Failing returns the heading when a scraper begins to fail.
func Failing(scraper string) string { return scraper + " is failing" }

// Works returns the heading when a scraper that was failing completes a run.
func Works(scraper string) string { return scraper + " works again" }

// Failed returns what is known of a failed run: [Summary] and the detail.
func Failed(e domain.RunFailed) string { return Summary(e) + Because(e.Detail) }

// Short returns the heading when a run brought too few items.
func Short(e domain.RunCompleted) string {
	return fmt.Sprintf("%s brought %s; at least %s expected", e.Scraper, Count(e.Items, "item"), Number(e.MinItems))
}

// Enough returns the heading when a run brought enough items again.
func Enough(e domain.RunCompleted) string {
	return e.Scraper + " brought " + Count(e.Items, "item") + " again"
}

// Overdue returns the heading when a scraper has not succeeded in time.
func Overdue(e domain.ScraperOverdue) string {
	return e.Scraper + " has not completed as expected within " + e.Within.String()
}

// LastSuccess returns when a scraper that is overdue last completed as expected.
func LastSuccess(e domain.ScraperOverdue) string {
	if e.LastSuccessAt.IsZero() {
		return "No run has completed as expected since that was configured."
	}
	return "The last run that completed as expected ended at " + clock(e.LastSuccessAt) + "."
}

// InTime returns the heading when a scraper that was overdue completes as expected.
func InTime(scraper string) string { return scraper + " completed as expected again" }

// OutageBegan returns the heading when scrapers of an origin lost their connections.
func OutageBegan(origin string, scrapers int64) string {
	return "Connection lost: " + Count(scrapers, "scraper") + " at " + origin
}

// OutageSince returns which scrapers of an outage there are, since when and why. named
// are the first of all.
func OutageSince(named []string, all int64, since time.Time, cause domain.Cause) string {
	return fmt.Sprintf("Since %s, %s: %s.", clock(since), Cause(cause), listed(named, all))
}

// OutageEnded returns the heading when the outage of an origin has ended.
func OutageEnded(origin string, after time.Duration) string {
	return "Connection back after " + Took(after) + ": " + origin
}

// OutageCost returns what an outage cost. recovered are the first runs that stand in
// for lost ones.
func OutageCost(lost, recovered int64, by []string) string {
	text := Count(lost, "run") + " lost, " + Number(recovered) + " recovered"
	if len(by) > 0 {
		text += ": " + listed(by, recovered)
	}
	return text + "."
}

// RecoveredBy returns the words for a run that stands in for a lost one.
func RecoveredBy(scraper string, run uuid.UUID) string {
	return scraper + " by run " + domain.ShortID(run)
}

// Explained returns a text with the page that explains its cause.
func Explained(text, page string) string {
	return text + "\nWhat it means and what to do: " + page
}

func listed(named []string, all int64) string {
	text := strings.Join(named, ", ")
	if more := all - int64(len(named)); more > 0 {
		text += " and " + Number(more) + " more"
	}
	return text
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// TestTitle is the heading of a test.
const TestTitle = "Test of scrapelog's notices"

// TestText returns the text of a test.
func TestText(channel string) string {
	return "The channel " + channel + " works. Nothing has happened."
}

// LogTrouble returns the heading when something is wrong with the log or with a reader
// of it: what it is, such as "the log is damaged".
func LogTrouble(what string) string { return "scrapelog: " + what }

// LogWell returns the heading when that is over.
func LogWell(what string) string { return "Over: " + what }
