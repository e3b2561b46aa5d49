package projections

import (
	"encoding/json"
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
	State ConnectionState
	Since time.Time // zero for a connection that was never lost
	Cause domain.Cause
	Link  domain.Link
	Run   uuid.UUID // the lost run
}

// LastRun is the newest run of a scraper.
type LastRun struct {
	ID        uuid.UUID
	Status    domain.RunStatus
	StartedAt time.Time
}

// Skip is the newest trace of a scrape that was due and not run.
type Skip struct {
	At      time.Time
	Trigger domain.Trigger
	DueAt   time.Time // zero for a recovery
	Reason  domain.SkipReason
}

// Scraper is one scraper as it stands at Position. What is unset is zero.
type Scraper struct {
	Name         string
	Source       domain.Source
	Config       domain.ScraperConfig
	ConfiguredAt time.Time
	Paused       bool
	PausedAt     time.Time
	PausedBy     string
	PausedReason string
	Removed      bool
	RemovedAt    time.Time
	Connection   Connection
	LostRun      uuid.UUID // the last lost run that no newer run has superseded
	Restored     bool      // LostRun's connection is back, and its recovery has not started
	LastRun      LastRun   // zero: it never ran
	OpenRun      uuid.UUID // zero: none is running
	Instance     string    // who follows OpenRun
	LastDue      time.Time // the last slot that was claimed
	NextSlot     time.Time // zero: none, paused or removed
	LastSkip     Skip      // zero: nothing was ever skipped
	Streak       domain.Streak
	Position     int64 // of the last event that changed this row
}

// Lost says whether the connection is lost now.
func (s Scraper) Lost() bool { return s.Connection.State == ConnectionLost }

// AfterRecovery says whether the recovery run comes before the next slot: the
// connection to the scraper is lost, and a new run starts when it is back.
func (s Scraper) AfterRecovery() bool {
	return s.Lost() && s.Connection.Link == domain.LinkScraper && s.Config.Recovery.Enabled && !s.Paused && !s.Removed
}

// Slots lists the first n slots after the given instant, of what is left to come.
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

// state is what the domain's rules about slots need to know.
func (s Scraper) state() domain.Scraper {
	return domain.Scraper{
		Guard:        domain.Guard{Scraper: s.Name, Removed: s.Removed, LastDue: s.LastDue},
		Config:       s.Config,
		ConfiguredAt: s.ConfiguredAt,
	}
}

type connectionJSON struct {
	State ConnectionState `json:"state"`
	Since stamp           `json:"since,omitzero"`
	Cause domain.Cause    `json:"cause,omitempty"`
	Link  domain.Link     `json:"link,omitempty"`
	Run   uuid.UUID       `json:"run,omitzero"`
}

type lastRunJSON struct {
	ID        uuid.UUID        `json:"id"`
	Status    domain.RunStatus `json:"status"`
	StartedAt stamp            `json:"started_at"`
}

type streakJSON struct {
	Cause      domain.Cause `json:"cause"`
	Runs       int64        `json:"runs"`
	ShortestMS int64        `json:"shortest_ms"`
	LongestMS  int64        `json:"longest_ms"`
	LastEvent  string       `json:"last_event,omitempty"`
}

// streak is the streak as the API shows it: nothing until a loss has repeated.
func (s Scraper) streak() *streakJSON {
	if !s.Streak.Repeats() {
		return nil
	}
	shown := streakJSON(s.Streak)
	return &shown
}

// MarshalJSON writes the scraper as the API shows it.
func (s Scraper) MarshalJSON() ([]byte, error) { return s.marshal(&s.Config) }

// WatchedScraper is a scraper without its configuration, which is many times the size of what
// changes of it.
type WatchedScraper struct{ Scraper }

// MarshalJSON writes the scraper as those who watch are told it.
func (s WatchedScraper) MarshalJSON() ([]byte, error) { return s.marshal(nil) }

func (s Scraper) marshal(config *domain.ScraperConfig) ([]byte, error) {
	return json.Marshal(struct {
		Name         string                `json:"name"`
		Source       domain.Source         `json:"source"`
		Paused       bool                  `json:"paused"`
		PausedReason string                `json:"paused_reason,omitempty"`
		Removed      bool                  `json:"removed,omitempty"`
		Config       *domain.ScraperConfig `json:"config,omitempty"`
		Connection   connectionJSON        `json:"connection"`
		LastRun      lastRunJSON           `json:"last_run,omitzero"`
		OpenRun      uuid.UUID             `json:"open_run,omitzero"`
		NextSlot     stamp                 `json:"next_slot,omitzero"`
		After        bool                  `json:"after_recovery,omitempty"`
		Streak       *streakJSON           `json:"streak,omitempty"`
		Position     int64                 `json:"position"`
	}{
		Name: s.Name, Source: s.Source, Paused: s.Paused, PausedReason: s.PausedReason, Removed: s.Removed,
		Config: config,
		Connection: connectionJSON{
			State: s.Connection.State, Since: stamp(s.Connection.Since), Cause: s.Connection.Cause,
			Link: s.Connection.Link, Run: s.Connection.Run,
		},
		LastRun: lastRunJSON{ID: s.LastRun.ID, Status: s.LastRun.Status, StartedAt: stamp(s.LastRun.StartedAt)},
		OpenRun: s.OpenRun, NextSlot: stamp(s.NextSlot), After: s.AfterRecovery() && !s.NextSlot.IsZero(), Streak: s.streak(), Position: s.Position,
	})
}
