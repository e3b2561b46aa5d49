package domain

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Command is a request. It may be refused, or change nothing because what it
// asks for is so already.
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

// ToRun is what every command to a run says first.
type ToRun struct {
	RunID uuid.UUID
}

// Run implements RunCommand.
func (t ToRun) Run() uuid.UUID { return t.RunID }

// ToScraper is what every command to a scraper says first.
type ToScraper struct {
	Scraper string
}

// ScraperName implements ScraperCommand.
func (t ToScraper) ScraperName() string { return t.Scraper }

// StartScrape asks for a new run. A scheduled or recovery start that must not
// be leaves a ScrapeSkipped; a manual one is refused.
type StartScrape struct {
	ToScraper
	RunID      uuid.UUID
	Trigger    Trigger
	DueAt      time.Time       // the slot being claimed (schedule)
	Recovers   uuid.UUID       // the restored run (recovery); zero: whichever restored loss still stands
	Watcher    string          // attach the run to this watcher
	Params     json.RawMessage // in place of the configured params
	Instance   string          // who is to follow it
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

// ReportCompleted says that the scraper said "completed".
type ReportCompleted struct {
	ToRun
	Items int64
	Note  string
}

// ReportFailed says that the run was answered and went wrong.
type ReportFailed struct {
	ToRun
	Code       FailureCode
	Detail     string
	HTTPStatus int
}

// ReportConnectionLost says that the run's link is gone.
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

// ReportConnectionRestored says that a lost run's connection is there again.
type ReportConnectionRestored struct {
	ToRun
	NoticedBy  NoticedBy
	Superseded bool // a newer run has started since the loss (from the guard)
}

// CancelRun asks for the end of a run.
type CancelRun struct {
	ToRun
	By, Reason string
}

func (StartScrape) isCommand()              {}
func (ConfigureScraper) isCommand()         {}
func (PauseScraper) isCommand()             {}
func (ResumeScraper) isCommand()            {}
func (RemoveScraper) isCommand()            {}
func (ReportCompleted) isCommand()          {}
func (ReportFailed) isCommand()             {}
func (ReportConnectionLost) isCommand()     {}
func (ReportConnectionRestored) isCommand() {}
func (CancelRun) isCommand()                {}

// Origin is who asked, because of what, and when. It becomes the time and the
// metadata of the events that follow.
type Origin struct {
	At          time.Time // when it was seen to happen; zero: now
	Actor       string    // "scheduler", "saga:rescrape", "user:…", "token:…"
	Causation   uuid.UUID // the event that led to the command, if one did
	Correlation string    // the story it belongs to; empty: the run's or scraper's own
	Traceparent string    // W3C trace context of the request, if it carried one
}
