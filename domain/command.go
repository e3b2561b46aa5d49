package domain

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Command is a request. It may be refused, and it changes nothing where the state is
// already the requested one.
//
//sumtype:decl
type Command interface{ isCommand() }

// RunCommand is a request about one run.
//
//sumtype:decl
type RunCommand interface {
	Command
	Run() uuid.UUID
}

// ScraperCommand is a request about one scraper.
//
//sumtype:decl
type ScraperCommand interface {
	Command
	ScraperName() string
}

// ToRun holds the fields that every command to a run has.
type ToRun struct {
	RunID uuid.UUID
}

// Run implements RunCommand.
func (t ToRun) Run() uuid.UUID { return t.RunID }

// ToScraper holds the fields that every command to a scraper has.
type ToScraper struct {
	Scraper string
}

// ScraperName implements ScraperCommand.
func (t ToScraper) ScraperName() string { return t.Scraper }

// StartScrape requests a new run. A scheduled or recovery start that is not allowed
// is recorded as ScrapeSkipped; a manual one is refused.
type StartScrape struct {
	ToScraper
	RunID      uuid.UUID
	Trigger    Trigger
	DueAt      time.Time       // the slot being claimed (schedule)
	Recovers   uuid.UUID       // the restored run (recovery); zero: whichever restored loss still stands
	Watcher    string          // attach the run to this watcher
	Params     json.RawMessage // in place of the configured params
	Instance   string          // the instance that is to follow it
	Unanswered bool            // the last probe of the lost connection got no answer at all (schedule)
}

// ConfigureScraper makes or changes a scraper.
type ConfigureScraper struct {
	ToScraper
	Source Source
	Config ScraperConfig
}

// PauseScraper stops slots and recoveries until ResumeScraper.
type PauseScraper struct {
	ToScraper
	By, Reason string
}

// ResumeScraper ends a pause.
type ResumeScraper struct {
	ToScraper
	By, Reason string
}

// RemoveScraper takes a scraper out of service.
type RemoveScraper struct {
	ToScraper
	Source     Source
	By, Reason string
}

// ReportOverdue reports that no run has completed as expected since the instant Since,
// for as long as the configuration allows.
type ReportOverdue struct {
	ToScraper
	Since time.Time
}

// ReportCompleted reports that the scraper said "completed".
type ReportCompleted struct {
	ToRun
	Items    int64
	Note     string
	MinItems int64 // how many items were expected
}

// ReportFailed reports that the scrape of a run failed.
type ReportFailed struct {
	ToRun
	Code       FailureCode
	Detail     string
	HTTPStatus int
}

// ReportConnectionLost reports that a link of the run was lost.
type ReportConnectionLost struct {
	ToRun
	Link        Link
	Phase       Phase
	Cause       Cause
	Detail      string
	LastHeardAt time.Time
	LastEvent   string
	Received    Received
}

// ReportConnectionRestored reports that the connection of a lost run is back.
type ReportConnectionRestored struct {
	ToRun
	NoticedBy  NoticedBy
	Superseded bool // a newer run has started since the loss (from the guard)
}

// CancelRun requests the end of a run.
type CancelRun struct {
	ToRun
	By, Reason string
}

func (StartScrape) isCommand()              {}
func (ConfigureScraper) isCommand()         {}
func (PauseScraper) isCommand()             {}
func (ResumeScraper) isCommand()            {}
func (RemoveScraper) isCommand()            {}
func (ReportOverdue) isCommand()            {}
func (ReportCompleted) isCommand()          {}
func (ReportFailed) isCommand()             {}
func (ReportConnectionLost) isCommand()     {}
func (ReportConnectionRestored) isCommand() {}
func (CancelRun) isCommand()                {}

// Origin holds the actor, the cause and the time of a command. They become the time
// and the metadata of the events that follow.
type Origin struct {
	At          time.Time // when it was seen to happen; zero: now
	Actor       string    // "scheduler", "saga:rescrape", "user:…", "token:…"
	Causation   uuid.UUID // the event that led to the command, if one did
	Correlation string    // the story it belongs to; empty: the run's or scraper's own
	Traceparent string    // W3C trace context of the request, if it carried one
}

// Order is a command and where it comes from.
type Order struct {
	Command Command
	By      Origin
}
