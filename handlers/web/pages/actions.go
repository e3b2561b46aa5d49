package pages

import (
	"fmt"

	"github.com/a-h/templ"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/projections"
)

// Notice shows the event that an action recorded.
type Notice struct {
	Position int64
	Says     string
	Undo     templ.SafeURL // where a form undoes it; empty: nothing does
}

// NewNotice returns the notice of a recorded event.
func NewNotice(rec eventstore.Recorded, nameOf func(actor string) string) Notice {
	n := Notice{Position: rec.Position, Says: NewEvent(rec, nameOf).Summary}
	e, err := rec.Event()
	if err != nil {
		return n
	}
	name := clean(e.ScraperName())
	switch e := e.(type) {
	case domain.RunStarted:
		n.Says = name + " started"
	case domain.RunCancelled:
		n.Says = "Run of " + name + " cancelled"
	case domain.ScraperPaused:
		n.Says, n.Undo = name+" paused", scraperURL(e.Scraper)+"/resume"
	case domain.ScraperResumed:
		n.Says, n.Undo = name+" resumed", pauseURL(e.Scraper)
	case domain.ConnectionLost, domain.ConnectionRestored, domain.RunCompleted, domain.RunFailed, domain.ScraperConfigured, domain.ScraperRemoved,
		domain.ScrapeSkipped, domain.ScraperOverdue, domain.LogAccepted, domain.LogVerified, domain.LogRead, domain.UserAdded, domain.UserRoleChanged, domain.UserDisabled, domain.UserRemoved,
		domain.UserPasswordChanged, domain.TokenIssued, domain.TokenRevoked: // their summary says enough
	}
	return n
}

// Ask is a question before an action, with the reason as its answer.
type Ask struct {
	Title, Text string
	Action      templ.SafeURL // where the answer is sent
	Back        templ.SafeURL // the page of what it is about
	Do, Keep    string        // the words of the two buttons
	Ends        bool          // it cannot be undone
}

// AskPause asks before a scraper is paused, or before it is resumed if it is paused.
func AskPause(s projections.Scraper) Ask {
	if s.Paused {
		return Ask{
			Title: fmt.Sprintf("Resume %s?", clean(s.Name)), Action: scraperURL(s.Name) + "/resume", Back: scraperURL(s.Name), Do: "Resume", Keep: "Keep it paused",
			Text: fmt.Sprintf("It was paused by %s%s. Its schedule and its recoveries start runs again.", clean(s.PausedBy), because(s.PausedReason)),
		}
	}
	return Ask{
		Title: fmt.Sprintf("Pause %s?", clean(s.Name)), Action: pauseURL(s.Name), Back: scraperURL(s.Name), Do: "Pause", Keep: "Keep it running",
		Text: "Its schedule and its recoveries start no runs until it is resumed. A run that is open goes on.",
	}
}

// AskCancel asks before a run is cancelled.
func AskCancel(r projections.Run) Ask {
	return Ask{
		Title: fmt.Sprintf("Cancel run %s of %s?", short(r.ID), clean(r.Scraper)), Action: runURL(r.ID) + "/cancel", Back: runURL(r.ID), Ends: true,
		Text: "The connection to the scraper is closed, and the run ends as cancelled. The schedule goes on.",
		Do:   "Cancel the run", Keep: "Keep it running",
	}
}
