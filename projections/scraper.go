package projections

import (
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// ConnectionState is whether a scraper can be reached, as far as its last run showed.
type ConnectionState string

const (
	// ConnectionUp: nothing was lost, or what was lost is back, or a newer run
	// stands in its place.
	ConnectionUp ConnectionState = "up"
	// ConnectionLost: the last run lost its connection, and it is not back.
	ConnectionLost ConnectionState = "lost"
)

// Connection is the state of a scraper's connection. Cause, Link and Run are
// those of the loss, and set only while it is lost.
type Connection struct {
	State ConnectionState `json:"state"`
	Since Time            `json:"since,omitzero"` // zero for a connection that was never lost
	Cause domain.Cause    `json:"cause,omitempty"`
	Link  domain.Link     `json:"link,omitempty"`
	Run   uuid.UUID       `json:"run,omitzero"` // the lost run
}

// LastRun is the newest run of a scraper.
type LastRun struct {
	ID        uuid.UUID        `json:"id"`
	Status    domain.RunStatus `json:"status"`
	StartedAt Time             `json:"started_at"`
}

// Skip is the newest trace of a scrape that was due and not run.
type Skip struct {
	At      time.Time
	Trigger domain.Trigger
	DueAt   time.Time // zero for a recovery
	Reason  domain.SkipReason
}

// Scraper is one scraper as it stands at Position. Its JSON is that of the API, which a
// client decodes into the same type. What is unset is zero.
type Scraper struct {
	Name          string               `json:"name"`
	Source        domain.Source        `json:"source"`
	Paused        bool                 `json:"paused"`
	PausedReason  string               `json:"paused_reason,omitempty"`
	Removed       bool                 `json:"removed,omitempty"`
	Config        domain.ScraperConfig `json:"config"`
	Connection    Connection           `json:"connection"`
	LastRun       LastRun              `json:"last_run,omitzero"`        // zero: it never ran
	OpenRun       uuid.UUID            `json:"open_run,omitzero"`        // zero: none is running
	NextSlot      Time                 `json:"next_slot,omitzero"`       // zero: none, paused or removed
	AfterRecovery bool                 `json:"after_recovery,omitempty"` // the recovery run comes before NextSlot
	OverdueSince  Time                 `json:"overdue_since,omitzero"`   // zero: not overdue
	LastSuccessAt Time                 `json:"last_success_at,omitzero"` // the last run that completed as expected; zero: none
	Streak        domain.Streak        `json:"streak,omitzero"`
	Position      int64                `json:"position"` // of the last event that changed this row

	// What pages show beside it.

	ConfiguredAt time.Time `json:"-"`
	PausedAt     time.Time `json:"-"`
	PausedBy     string    `json:"-"`
	RemovedAt    time.Time `json:"-"`
	LostRun      uuid.UUID `json:"-"` // the last lost run that no newer run has superseded
	Restored     bool      `json:"-"` // LostRun's connection is back, and its recovery has not started
	Instance     string    `json:"-"` // the instance that follows OpenRun
	LastDue      time.Time `json:"-"` // the last slot that was claimed
	LastSkip     Skip      `json:"-"` // zero: nothing was ever skipped
}

// WatchedScraper is a scraper as a live stream shows it: without its configuration, which
// is many times the size of a change.
type WatchedScraper struct {
	Scraper
	Config struct{} `json:"config,omitzero"`
}

// ScraperAt returns the scraper whose state the log has at a position. What only the read
// model knows, such as the last run, is left out.
func ScraperAt(s domain.Scraper, position int64) Scraper {
	return scraperRow{Scraper: s, position: position}.view(time.Now())
}

// Lost reports whether the connection is lost now.
func (s Scraper) Lost() bool { return s.Connection.State == ConnectionLost }

// Away reports whether the connection to the scraper is lost now.
func (s Scraper) Away() bool { return s.Lost() && s.Connection.Link != domain.LinkWatcher }

// Unwatched reports whether its attached run was stopped because the watcher went, and
// waits for it. The scraper is not away.
func (s Scraper) Unwatched() bool { return s.Lost() && s.Connection.Link == domain.LinkWatcher }

// Slots lists the first n slots after the given instant.
func (s Scraper) Slots(after time.Time, n int) []time.Time {
	state := s.state()
	var slots []time.Time
	for len(slots) < n {
		after = state.NextSlot(after)
		if after.IsZero() {
			break
		}
		slots = append(slots, after)
	}
	return slots
}

// state returns the fields that the domain's rules about slots need.
func (s Scraper) state() domain.Scraper {
	return domain.Scraper{
		Guard:        domain.Guard{Scraper: s.Name, Removed: s.Removed, LastDue: s.LastDue},
		Config:       s.Config,
		ConfiguredAt: s.ConfiguredAt,
	}
}
