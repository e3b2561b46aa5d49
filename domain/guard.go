package domain

import (
	"time"

	"github.com/google/uuid"
)

// Guard is the part of a scraper's state that decides whether a run may start.
// It follows from the events of the scraper and of its runs. The store keeps it in
// one row, which changes in the append's transaction and can be checked against the
// log.
// The zero value (but for its name) is a scraper without events.
type Guard struct {
	Scraper  string
	OpenRun  uuid.UUID // the one run that has not ended
	Instance string    // the instance that follows it
	LostRun  uuid.UUID // the last lost run, until a newer run supersedes it
	Restored bool      // LostRun's connection is back
	Paused   bool
	Removed  bool
	LastDue  time.Time  // the last slot that was claimed, by a start or a skip
	Gap      SkipReason // why slots have been skipped since the last start: such slots leave one trace
	Expect   Expectation
}

// Evolve returns the guard after e, an event of this scraper or of one of its runs.
func (g Guard) Evolve(e Event) Guard {
	switch e := e.(type) {
	case RunStarted:
		g.OpenRun, g.Instance = e.RunID, e.Instance
		g.LostRun, g.Restored, g.Gap = uuid.Nil, false, ""
		g.LastDue = later(g.LastDue, e.DueAt)
	case ConnectionLost:
		g = g.close(e.RunID)
		g.LostRun, g.Restored = e.RunID, false
	case RunCompleted:
		g = g.close(e.RunID)
		g.Expect = g.Expect.completed(e)
	case RunFailed:
		g = g.close(e.RunID)
	case RunCancelled:
		g = g.close(e.RunID)
	case ConnectionRestored:
		g.Restored = g.Restored || g.LostRun == e.RunID
	case ScraperConfigured:
		g.Removed = false
		g.Expect = g.Expect.configured(e.Config.Expect.SuccessWithin, e.At)
	case ScraperPaused:
		g.Paused, g.Gap = true, ""
		g.Expect.OverdueSince = time.Time{}
	case ScraperResumed:
		g.Paused, g.Gap = false, ""
		g.Expect.Since = e.At
	case ScraperRemoved:
		g.Removed = true
		g.Expect = Expectation{}
	case ScraperOverdue:
		g.Expect.OverdueSince = e.At
	case ScrapeSkipped:
		if !e.DueAt.IsZero() {
			g.LastDue, g.Gap = later(g.LastDue, e.DueAt), e.Reason
		}
	case LogAccepted, LogVerified, LogRead, UserAdded, UserRoleChanged, UserDisabled, UserRemoved, UserPasswordChanged, TokenIssued, TokenRevoked: // are about no scraper
	}
	return g
}

func (g Guard) close(run uuid.UUID) Guard {
	if g.OpenRun == run {
		g.OpenRun, g.Instance = uuid.Nil, ""
	}
	return g
}

// ConnectionDown reports whether the last run lost its connection and the
// connection is not back.
func (g Guard) ConnectionDown() bool { return g.LostRun != uuid.Nil && !g.Restored }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
