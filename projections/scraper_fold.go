package projections

import (
	"context"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

var scraperProjection = Projection{
	name: "scrapers", version: 6, types: domain.EventTypes, fold: newScraperFold,
	tables: []table{scrapersTable},
}

// scraperFold fills scrapers.
type scraperFold struct {
	scrapers rows[string, scraperRow, *scraperRow]
}

func newScraperFold(at place) folder {
	return &scraperFold{newRows[string, scraperRow, *scraperRow](at, scrapersTable)}
}

func (f *scraperFold) tables() []tableRows { return []tableRows{&f.scrapers} }

func (f *scraperFold) load(ctx context.Context, events []event) error {
	names := make([]string, len(events))
	for i, e := range events {
		names[i] = e.ScraperName()
	}
	return f.scrapers.load(ctx, names)
}

func (f *scraperFold) apply(ctx context.Context, e event) error {
	r, _, err := f.scrapers.get(ctx, e.ScraperName())
	if err == nil && r.position < e.position {
		f.scrapers.put(e.ScraperName(), r.evolve(e.position, e.Event))
	}
	return err
}

// scraperRow is a scraper as it is stored: the state that the domain folds, and further
// columns that pages show.
type scraperRow struct {
	domain.Scraper
	pausedAt     time.Time
	pausedBy     string
	pausedReason string
	removedAt    time.Time
	since        time.Time // of the connection's state
	cause        domain.Cause
	link         domain.Link
	last         LastRun
	skip         Skip
	lastSuccess  time.Time // the last run that completed as expected, whether one was expected or not
	failing      bool      // the last run that failed or completed has failed
	due          nextDue
	streak       domain.Streak
	position     int64
}

// evolve returns the scraper after e, an event about it or about one of its runs.
func (r scraperRow) evolve(position int64, e domain.Event) scraperRow {
	wasDown, before := r.ConnectionDown(), r.Scraper
	r.Expect.Within = r.Config.Expect.SuccessWithin // which has no column
	r.Scraper = r.Scraper.Evolve(e)
	r.Guard.Scraper = e.ScraperName()
	r.ConfiguredAt, r.LastDue, r.Expect.OverdueSince = stored(r.ConfiguredAt), stored(r.LastDue), stored(r.Expect.OverdueSince)
	r.streak = r.streakAfter(e)
	switch e := e.(type) {
	case domain.RunEvent:
		r = r.evolveRun(e)
	case domain.ScraperEvent:
		r = r.evolveService(e)
	default: // is about no scraper
	}
	if r.ConnectionDown() != wasDown {
		r.since = stored(e.OccurredAt())
	}
	if !r.ConnectionDown() {
		r.cause, r.link = "", ""
	}
	r.due.stale = r.due.stale || movesSlots(before, r.Scraper, e)
	r.position = position
	return r
}

// streakAfter is the streak after e, if e is about the last run.
func (r scraperRow) streakAfter(e domain.Event) domain.Streak {
	if run := e.Run(); run == uuid.Nil || run != r.last.ID {
		return r.streak
	}
	if lost, ok := e.(domain.ConnectionLost); ok {
		lost.Cause, lost.LastEvent = storedText(lost.Cause), storedText(lost.LastEvent)
		e = lost
	}
	return r.streak.After(e, stored(e.OccurredAt()).Sub(r.last.StartedAt.Time))
}

func (r scraperRow) evolveRun(e domain.RunEvent) scraperRow {
	switch e := e.(type) {
	case domain.RunStarted:
		r.last = LastRun{ID: e.RunID, Status: domain.StatusRunning, StartedAt: Time{stored(e.At)}}
	case domain.ConnectionLost:
		r.cause, r.link, r.since = e.Cause, e.Link, stored(e.At)
		r = r.ended(e.RunID, domain.StatusConnectionFailed)
	case domain.RunCompleted:
		if e.AsExpected() {
			r.lastSuccess = stored(e.At)
		}
		r.failing = false
		r = r.ended(e.RunID, domain.StatusCompleted)
	case domain.RunFailed:
		r.failing = true
		r = r.ended(e.RunID, domain.StatusFailed)
	case domain.RunCancelled:
		r = r.ended(e.RunID, domain.StatusCancelled)
	case domain.ConnectionRestored: // is in the guard
	}
	return r
}

func (r scraperRow) evolveService(e domain.ScraperEvent) scraperRow {
	switch e := e.(type) {
	case domain.ScraperConfigured:
		r.removedAt = time.Time{}
	case domain.ScraperPaused:
		r.pausedAt, r.pausedBy, r.pausedReason = stored(e.At), e.By, e.Reason
	case domain.ScraperResumed:
		r.pausedAt, r.pausedBy, r.pausedReason = time.Time{}, "", ""
	case domain.ScraperRemoved:
		r.removedAt = stored(e.At)
	case domain.ScrapeSkipped:
		r.skip = Skip{At: stored(e.At), Trigger: e.Trigger, DueAt: stored(e.DueAt), Reason: e.Reason}
	case domain.ScraperOverdue: // is in the guard
	}
	return r
}

func (r scraperRow) ended(run uuid.UUID, status domain.RunStatus) scraperRow {
	if r.last.ID == run {
		r.last.Status = status
	}
	return r
}

// view returns the scraper at the given instant.
func (r scraperRow) view(now time.Time) Scraper {
	s := Scraper{
		Name: r.Guard.Scraper, Source: r.Source, Config: r.Config, ConfiguredAt: r.ConfiguredAt,
		Paused: r.Paused, PausedAt: r.pausedAt, PausedBy: r.pausedBy, PausedReason: r.pausedReason,
		Removed: r.Removed, RemovedAt: r.removedAt,
		Connection: Connection{State: ConnectionUp, Since: Time{r.since}},
		LostRun:    r.LostRun, Restored: r.Restored,
		LastRun: r.last, OpenRun: r.OpenRun, Instance: r.Instance,
		LastDue: r.LastDue, LastSkip: r.skip, Streak: r.streak, Position: r.position,
		OverdueSince: Time{r.Expect.OverdueSince}, LastSuccessAt: Time{r.lastSuccess},
	}
	if r.ConnectionDown() {
		s.Connection = Connection{State: ConnectionLost, Since: Time{r.since}, Cause: r.cause, Link: r.link, Run: r.LostRun}
	}
	if !r.Paused {
		s.NextSlot = Time{r.NextSlot(now)}
	}
	s.AfterRecovery = s.Connection.Link == domain.LinkScraper && s.Config.Recovery.Enabled && !s.NextSlot.IsZero()
	return s
}

// shown returns the scraper as queries do.
func (r *scraperRow) shown(at time.Time) any { return r.view(at) }

// columns lists the columns in the order of the table.
func (r *scraperRow) columns() []column {
	g := &r.Guard
	return []column{
		{"name", text[string]{&g.Scraper}, 0},
		{"source", text[domain.Source]{&r.Source}, 0},
		{"config", document{&r.Config}, 0},
		{"configured_at", micros{&r.ConfiguredAt}, 0},
		{"open_run", id{&g.OpenRun}, 0},
		{"instance", text[string]{&g.Instance}, 0},
		{"lost_run", id{&g.LostRun}, 0},
		{"restored", flag{&g.Restored}, 0},
		{"paused", flag{&g.Paused}, 0},
		{"removed", flag{&g.Removed}, 0},
		{"last_due", micros{&g.LastDue}, 0},
		{"gap", text[domain.SkipReason]{&g.Gap}, 0},
		{"paused_at", micros{&r.pausedAt}, 0},
		{"paused_by", text[string]{&r.pausedBy}, 0},
		{"paused_reason", text[string]{&r.pausedReason}, 0},
		{"removed_at", micros{&r.removedAt}, 0},
		{"connection_since", micros{&r.since}, 0},
		{"cause", text[domain.Cause]{&r.cause}, 0},
		{"link", text[domain.Link]{&r.link}, 0},
		{"last_run", id{&r.last.ID}, 0},
		{"last_status", text[domain.RunStatus]{&r.last.Status}, 0},
		{"last_started_at", micros{&r.last.StartedAt.Time}, 0},
		{"skipped_at", micros{&r.skip.At}, 0},
		{"skipped_trigger", text[domain.Trigger]{&r.skip.Trigger}, 0},
		{"skipped_due_at", micros{&r.skip.DueAt}, 0},
		{"skipped_reason", text[domain.SkipReason]{&r.skip.Reason}, 0},
		{"next_due", dueColumn{r}, 0},
		{"streak_cause", text[domain.Cause]{&r.streak.Cause}, 0},
		{"streak_runs", number[int64]{&r.streak.Runs}, 0},
		{"streak_shortest", number[int64]{&r.streak.ShortestMS}, 0},
		{"streak_longest", number[int64]{&r.streak.LongestMS}, 0},
		{"streak_last_event", text[string]{&r.streak.LastEvent}, 0},
		{"position", number[int64]{&r.position}, 0},
		{"overdue_since", micros{&g.Expect.OverdueSince}, 0},
		{"last_success", micros{&r.lastSuccess}, 0},
		{"failing", flag{&r.failing}, 0},
	}
}

// scrapersTable is the table of the rows.
var scrapersTable = table{name: "scrapers", columns: (&scraperRow{}).columns(), indexes: []index{
	{"scrapers_changed", "(position)"},
	{"scrapers_in_service", "(name) WHERE configured_at IS NOT NULL AND NOT removed"},
	{"scrapers_lost", "(connection_since, name) WHERE lost_run IS NOT NULL AND NOT restored"},
	{"scrapers_due", "(next_due, name)"},
	{"scrapers_overdue", "(overdue_since, name) WHERE overdue_since IS NOT NULL"},
	{"scrapers_paused", "(paused_at, name) WHERE paused AND NOT removed"},
}}
