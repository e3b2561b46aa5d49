package domain

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Scraper is a named thing that can be scraped: its configuration, from its own
// stream, and its guard. The zero value is a scraper that was never configured.
type Scraper struct {
	Guard
	Source       Source
	Config       ScraperConfig // replaced whole, never changed in place
	ConfiguredAt time.Time     // anchors the slots of @every
}

// Evolve returns the scraper after e. It never refuses.
func (s Scraper) Evolve(e Event) Scraper {
	s.Guard = s.Guard.Evolve(e)
	if e, ok := e.(ScraperConfigured); ok {
		s.Scraper, s.Source, s.Config, s.ConfiguredAt = e.Scraper, e.Source, e.Config, e.At
	}
	return s
}

// Configured reports whether the scraper exists: configured once and not removed.
func (s Scraper) Configured() bool { return !s.ConfiguredAt.IsZero() && !s.Removed }

// Decide returns the events that answer the command c at the time at. No events
// and no error mean that what c asks for is already so.
func (s Scraper) Decide(c ScraperCommand, at time.Time) ([]Event, error) {
	if err := check(c); err != nil {
		return nil, err
	}
	if _, makes := c.(ConfigureScraper); !makes && s.ConfiguredAt.IsZero() {
		return nil, fmt.Errorf("scraper %q: %w", c.ScraperName(), ErrNotFound)
	}
	switch c := c.(type) {
	case ConfigureScraper:
		return s.configure(c, at)
	case StartScrape:
		return s.start(c, at)
	case PauseScraper:
		return s.pause(c, at)
	case ResumeScraper:
		return s.resume(c, at)
	case RemoveScraper:
		return s.remove(c, at)
	case ReportOverdue:
		return s.overdue(c, at), nil
	}
	return nil, fmt.Errorf("%w: %T is not a command of a scraper", ErrInvalid, c)
}

func (s Scraper) configure(c ConfigureScraper, at time.Time) ([]Event, error) {
	if !c.Config.Equal(c.Config.Redacted()) {
		return nil, &FieldError{"url", "has a query string, which the log would keep for ever", "use params or headers_env instead"}
	}
	switch {
	case s.Configured() && s.Source == SourceFile && c.Source == SourceAPI:
		return nil, s.managedByFile()
	case s.Configured() && s.Source == c.Source && s.Config.Equal(c.Config):
		return nil, nil
	}
	return []Event{ScraperConfigured{AboutScraper: c.about(at), Source: c.Source, Config: c.Config}}, nil
}

func (s Scraper) pause(c PauseScraper, at time.Time) ([]Event, error) {
	if err := s.mustExist(); err != nil || s.Paused {
		return nil, err
	}
	return []Event{ScraperPaused{AboutScraper: c.about(at), By: c.By, Reason: c.Reason}}, nil
}

func (s Scraper) resume(c ResumeScraper, at time.Time) ([]Event, error) {
	if err := s.mustExist(); err != nil || !s.Paused {
		return nil, err
	}
	return []Event{ScraperResumed{AboutScraper: c.about(at), By: c.By, Reason: c.Reason}}, nil
}

func (s Scraper) remove(c RemoveScraper, at time.Time) ([]Event, error) {
	switch {
	case s.Removed:
		return nil, nil
	case s.Source == SourceFile && c.Source == SourceAPI:
		return nil, s.managedByFile()
	}
	return []Event{ScraperRemoved{AboutScraper: c.about(at), By: c.By, Reason: c.Reason}}, nil
}

// start decides whether a StartScrape starts a run, records a skip or is refused.
func (s Scraper) start(c StartScrape, at time.Time) ([]Event, error) {
	switch c.Trigger {
	case TriggerManual:
		if reason := s.blocked(); reason != "" {
			return nil, s.refuse(reason)
		}
	case TriggerSchedule:
		return s.claim(c, at)
	case TriggerRecovery:
		return s.recover(c, at)
	default:
		return nil, fmt.Errorf("%w: trigger %q", ErrInvalid, c.Trigger)
	}
	return s.begin(c, at), nil
}

// claim takes a slot once: with a run, or with the one ScrapeSkipped of its gap.
func (s Scraper) claim(c StartScrape, at time.Time) ([]Event, error) {
	if !c.DueAt.After(s.LastDue) {
		return nil, nil
	}
	reason := s.blocked()
	if reason == "" && s.ConnectionDown() && s.Config.Recovery.Enabled && c.Unanswered {
		reason = SkipConnectionLost
	}
	switch reason {
	case "":
		return s.begin(c, at), nil
	case SkipRemoved, s.Gap:
		return nil, nil
	default:
		return s.skip(c, at, reason), nil
	}
}

// recover answers a restored connection. Each restored loss is followed by
// exactly one run that recovers it, or one ScrapeSkipped with the reason.
func (s Scraper) recover(c StartScrape, at time.Time) ([]Event, error) {
	if c.Recovers == uuid.Nil { // a pause has ended
		if s.LostRun == uuid.Nil || !s.Restored || !s.Config.Recovery.Enabled {
			return nil, nil
		}
		c.Recovers = s.LostRun
	}
	reason := s.blocked()
	switch {
	case reason != "":
	case !s.Config.Recovery.Enabled:
		reason = SkipRecoveryDisabled
	case s.LostRun == uuid.Nil: // superseded, and the newer run has ended
		reason = SkipRunOpen
	case s.LostRun != c.Recovers: // superseded by a run that was lost in turn
		reason = SkipConnectionLost
	default:
		return s.begin(c, at), nil
	}
	return s.skip(c, at, reason), nil
}

// blocked returns the reason for which no run may start.
func (s Scraper) blocked() SkipReason {
	switch {
	case s.Removed:
		return SkipRemoved
	case s.OpenRun != uuid.Nil:
		return SkipRunOpen
	case s.Paused:
		return SkipPaused
	}
	return ""
}

func (s Scraper) begin(c StartScrape, at time.Time) []Event {
	about := AboutRun{RunID: c.RunID, Scraper: c.Scraper, At: at}
	return []Event{RunStarted{
		AboutRun: about, Trigger: c.Trigger, DueAt: c.DueAt, Recovers: c.Recovers,
		Watcher: c.recordedWatcher(), Instance: c.Instance, Params: c.Params,
	}}
}

func (s Scraper) skip(c StartScrape, at time.Time, reason SkipReason) []Event {
	return []Event{ScrapeSkipped{AboutScraper: c.about(at), Trigger: c.Trigger, DueAt: c.DueAt, Recovers: c.Recovers, Reason: reason}}
}

// RunOpenError refuses a start because a run is open. It wraps ErrConflict.
type RunOpenError struct {
	Scraper string
	RunID   uuid.UUID
}

func (e *RunOpenError) Error() string {
	return fmt.Sprintf("scraper %q: run %s is still open", e.Scraper, e.RunID)
}

func (e *RunOpenError) Unwrap() error { return ErrConflict }

func (s Scraper) refuse(reason SkipReason) error {
	switch reason {
	case SkipRunOpen:
		return &RunOpenError{Scraper: s.Scraper, RunID: s.OpenRun}
	case SkipPaused:
		return fmt.Errorf("scraper %q is paused: %w", s.Scraper, ErrConflict)
	default:
		return s.mustExist()
	}
}

func (s Scraper) mustExist() error {
	if s.Removed {
		return fmt.Errorf("scraper %q was removed: %w", s.Scraper, ErrNotFound)
	}
	return nil
}

func (s Scraper) managedByFile() error {
	return fmt.Errorf("scraper %q is managed by the configuration file: %w", s.Scraper, ErrConflict)
}

func (t ToScraper) about(at time.Time) AboutScraper { return AboutScraper{Scraper: t.Scraper, At: at} }
