package domain

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Run is one scrape by one scraper. It starts once and ends once; the first end
// stands, and only ConnectionRestored may follow it. The zero value is a run
// that has not started.
type Run struct {
	ID         uuid.UUID
	Scraper    string
	Status     RunStatus
	Trigger    Trigger
	Recovers   uuid.UUID
	Watcher    string
	Instance   string
	Params     json.RawMessage
	StartedAt  time.Time
	EndedAt    time.Time
	LostLink   Link // which link a connection_failed run lost
	Cause      Cause
	RestoredAt time.Time // when the lost connection was back; zero: it is not
}

// Evolve returns the run after e. It never refuses.
func (r Run) Evolve(e Event) Run {
	about, ok := e.(RunEvent)
	if !ok {
		return r
	}
	switch e := about.(type) {
	case RunStarted:
		return Run{
			ID: e.RunID, Scraper: e.Scraper, Status: StatusRunning, Trigger: e.Trigger, Recovers: e.Recovers,
			Watcher: e.Watcher, Instance: e.Instance, Params: e.Params, StartedAt: e.At,
		}
	case ConnectionLost:
		r.LostLink, r.Cause = e.Link, e.Cause
		return r.end(StatusConnectionFailed, e.At)
	case RunCompleted:
		return r.end(StatusCompleted, e.At)
	case RunFailed:
		return r.end(StatusFailed, e.At)
	case RunCancelled:
		return r.end(StatusCancelled, e.At)
	case ConnectionRestored:
		r.RestoredAt = e.At
	}
	return r
}

func (r Run) end(s RunStatus, at time.Time) Run {
	r.Status, r.EndedAt = s, at
	return r
}

// Decide returns the events that answer the command c at the time at. No events
// and no error mean that what c asks for is already so.
func (r Run) Decide(c RunCommand, at time.Time) ([]Event, error) {
	if err := check(c); err != nil {
		return nil, err
	}
	if r.Status == "" {
		return nil, fmt.Errorf("run %s: %w", c.Run(), ErrNotFound)
	}
	switch c := c.(type) {
	case ReportCompleted:
		return r.unlessEnded(StatusCompleted, r.completed(c, at))
	case ReportFailed:
		return r.unlessEnded(StatusFailed, RunFailed{AboutRun: r.about(at), Code: c.Code, Detail: Printable(c.Detail, MaxDetail), HTTPStatus: c.HTTPStatus})
	case ReportConnectionLost:
		return r.unlessEnded(StatusConnectionFailed, r.lost(c, at))
	case CancelRun:
		return r.unlessEnded(StatusCancelled, RunCancelled{AboutRun: r.about(at), By: c.By, Reason: c.Reason})
	case ReportConnectionRestored:
		return r.restored(c, at)
	}
	return nil, fmt.Errorf("%w: %T is not a command of a run", ErrInvalid, c)
}

// unlessEnded keeps the first end of a run: the same end again changes nothing, and
// any other is refused.
func (r Run) unlessEnded(as RunStatus, e Event) ([]Event, error) {
	switch {
	case r.Status == StatusRunning:
		return []Event{e}, nil
	case r.Status == as:
		return nil, nil
	}
	return nil, fmt.Errorf("run %s is %s: %w", r.ID, r.Status, ErrFinished)
}

func (r Run) completed(c ReportCompleted, at time.Time) RunCompleted {
	e := RunCompleted{
		AboutRun: r.about(at), Items: c.Items, DurationMS: ms(at.Sub(r.StartedAt)), Note: Printable(c.Note, MaxNote),
	}
	if c.Items < c.MinItems {
		e.MinItems = c.MinItems
	}
	return e
}

func (r Run) lost(c ReportConnectionLost, at time.Time) ConnectionLost {
	return ConnectionLost{
		AboutRun: r.about(at), Link: c.Link, Phase: c.Phase, Cause: c.Cause, Detail: Printable(c.Detail, MaxDetail),
		LastHeardAt: c.LastHeardAt, LastEvent: Printable(c.LastEvent, MaxLastEvent), Received: c.Received,
	}
}

func (r Run) restored(c ReportConnectionRestored, at time.Time) ([]Event, error) {
	switch {
	case r.Status == StatusRunning:
		return nil, fmt.Errorf("%w: run %s has not lost its connection", ErrInvalid, r.ID)
	case r.Status != StatusConnectionFailed:
		return nil, fmt.Errorf("run %s is %s: %w", r.ID, r.Status, ErrFinished)
	case !r.RestoredAt.IsZero() || c.Superseded:
		return nil, nil
	}
	down := ms(at.Sub(r.EndedAt))
	return []Event{ConnectionRestored{AboutRun: r.about(at), Link: r.LostLink, DownForMS: down, NoticedBy: c.NoticedBy}}, nil
}

// HeldDown reports whether a return must prove itself: a recovery run that was lost
// within holdDown of its start came from a scraper that accepts probes and drops
// streams.
func (r Run) HeldDown(holdDown time.Duration) bool {
	return r.Trigger == TriggerRecovery && r.Status == StatusConnectionFailed &&
		r.LostLink == LinkScraper && r.EndedAt.Sub(r.StartedAt) < holdDown
}

func (r Run) about(at time.Time) AboutRun { return AboutRun{RunID: r.ID, Scraper: r.Scraper, At: at} }

// ms rounds down to milliseconds; a clock that was set back counts as zero.
func ms(d time.Duration) int64 { return max(0, d.Milliseconds()) }
