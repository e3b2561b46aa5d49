package domain

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// RunStarted opens a run and names the instance that follows it.
type RunStarted struct {
	AboutRun
	Trigger  Trigger         `json:"trigger"`           // why it was started
	DueAt    time.Time       `json:"due_at,omitzero"`   // the slot, for a scheduled run
	Recovers uuid.UUID       `json:"recovers,omitzero"` // the lost run, for a recovery run
	Watcher  string          `json:"watcher,omitempty"` // the watcher an attached run lives with
	Instance string          `json:"instance"`          // the id of the instance that follows it
	Params   json.RawMessage `json:"params,omitempty"`  // what this run was asked for, in place of the configured params
}

// Received is the size of the part of a stream that arrived.
type Received struct {
	Events int64 `json:"events"` // server-sent events
	Bytes  int64 `json:"bytes"`  // of the body of the answer
}

// ConnectionLost ends a run whose link dropped, could not be opened or fell silent.
type ConnectionLost struct {
	AboutRun
	Link        Link      `json:"link"`                   // which connection was lost
	Phase       Phase     `json:"phase,omitempty"`        // how far the connection to the scraper had come
	Cause       Cause     `json:"cause"`                  // why, as far as the instance could tell
	Detail      string    `json:"detail"`                 // the error in words, for people
	LastHeardAt time.Time `json:"last_heard_at,omitzero"` // when the last byte came
	LastEvent   string    `json:"last_event,omitempty"`   // the name of the last event that came; at most [MaxLastEvent] bytes
	Received    Received  `json:"received"`               // how much of the stream came
}

// ConnectionRestored follows a loss, once, when the connection is there again.
type ConnectionRestored struct {
	AboutRun
	Link      Link      `json:"link"`        // which connection is back
	DownForMS int64     `json:"down_for_ms"` // milliseconds since the loss
	NoticedBy NoticedBy `json:"noticed_by"`  // how the return was noticed
}

// RunCompleted ends a run whose scraper said "completed".
type RunCompleted struct {
	AboutRun
	Items      int64  `json:"items"`               // how many items the scraper says it has
	DurationMS int64  `json:"duration_ms"`         // milliseconds since the start
	Note       string `json:"note,omitempty"`      // from the scraper, such as how a crawl ended; at most [MaxNote] bytes
	MinItems   int64  `json:"min_items,omitempty"` // how many items were expected, if Items is less
}

// RunFailed ends a run whose connection held and whose scrape failed.
type RunFailed struct {
	AboutRun
	Code       FailureCode `json:"code"`                  // why
	Detail     string      `json:"detail"`                // the error in words: the scraper's own, or what scrapelog saw
	HTTPStatus int         `json:"http_status,omitempty"` // of an answer that was no stream
}

// RunCancelled ends a run at the request of a person or a program.
type RunCancelled struct {
	AboutRun
	By     string `json:"by"`     // the actor: "user:<uuid>", "token:<id>", "user:api" and "user:web" without logins
	Reason string `json:"reason"` // what was given as the reason; empty: nothing
}

// ScraperConfigured holds the whole configuration of a scraper, without secrets.
type ScraperConfigured struct {
	AboutScraper
	Source Source        `json:"source"` // where the configuration is managed
	Config ScraperConfig `json:"config"` // all of it; URLs without their query strings
}

// ScraperPaused stops the schedule and recoveries of a scraper.
type ScraperPaused struct {
	AboutScraper
	By     string `json:"by"`     // the actor: "user:<uuid>", "token:<id>", "user:api" and "user:web" without logins, "file"
	Reason string `json:"reason"` // what was given as the reason; empty: nothing
}

// ScraperResumed ends a pause.
type ScraperResumed struct {
	AboutScraper
	By     string `json:"by"`     // the actor: "user:<uuid>", "token:<id>", "user:api" and "user:web" without logins, "file"
	Reason string `json:"reason"` // what was given as the reason; empty: nothing
}

// ScraperRemoved takes a scraper out of service. Its history stays.
type ScraperRemoved struct {
	AboutScraper
	By     string `json:"by"`     // the actor: "user:<uuid>", "token:<id>", "user:api" and "user:web" without logins, "file"
	Reason string `json:"reason"` // what was given as the reason; empty: nothing
}

// ScrapeSkipped records a scrape that was due and not run. All slots of one
// unbroken gap share one event.
type ScrapeSkipped struct {
	AboutScraper
	Trigger  Trigger    `json:"trigger"`           // why it was due
	DueAt    time.Time  `json:"due_at,omitzero"`   // the first slot of the gap, for a scheduled run
	Recovers uuid.UUID  `json:"recovers,omitzero"` // the lost run, for a recovery run
	Reason   SkipReason `json:"reason"`            // why it was not run
}

// ScraperOverdue records that no run has completed as expected for the configured time.
type ScraperOverdue struct {
	AboutScraper
	Within        Duration  `json:"within"`                   // expect.success_within of the scraper
	LastSuccessAt time.Time `json:"last_success_at,omitzero"` // zero: none since the expectation was configured
}

// LogStream is the stream of events about the log itself.
const LogStream = "log"

// aboutLog is what every event of the log itself has.
type aboutLog struct{}

// Stream implements Event.
func (aboutLog) Stream() string { return LogStream }

// ScraperName implements Event.
func (aboutLog) ScraperName() string { return "" }

// Run implements Event.
func (aboutLog) Run() uuid.UUID { return uuid.Nil }

func (aboutLog) isEvent() {}

// LogAccepted records that the owner of the log's key accepted a log that does not
// follow from the signed checkpoints, or whose proof was lost.
type LogAccepted struct {
	aboutLog
	At         time.Time `json:"at"`         // when it happened
	By         string    `json:"by"`         // the actor
	Reason     string    `json:"reason"`     // what was given as the reason
	Superseded int64     `json:"superseded"` // the number of events that had been signed
	Proven     int64     `json:"proven"`     // the last position at which the log equals the signed one
	Key        string    `json:"key"`        // name and hash of the key that signs from here on
}

// LogVerified records that an instance compared the log with what was signed of it.
type LogVerified struct {
	aboutLog
	At     time.Time `json:"at"`             // when the verification ended
	UpTo   int64     `json:"up_to"`          // the log is proven up to this position
	Root   string    `json:"root,omitempty"` // of the tree of these events, in base64
	Result string    `json:"result"`         // intact, unproven or damaged
	Whole  bool      `json:"whole"`          // every event was compared
	TookMS int64     `json:"took_ms"`        // milliseconds
	Says   string    `json:"says,omitempty"` // what is wrong
}

// LogRead records that the whole log, or a range of it, was given out at once. It is
// recorded where there are users.
type LogRead struct {
	aboutLog
	At    time.Time `json:"at"`    // when
	By    string    `json:"by"`    // cli and the number of the account of the operating system, such as cli:1000
	What  ReadOf    `json:"what"`  // export, bundle or backup
	After int64     `json:"after"` // the events after this position
	Until int64     `json:"until"` // and up to this one
}

// ReadOf is the way in which a log was given out.
type ReadOf string

// The ways.
const (
	ReadExport ReadOf = "export" // events export
	ReadBundle ReadOf = "bundle" // audit bundle
	ReadBackup ReadOf = "backup" // db backup
)

// OccurredAt implements Event.
func (r LogRead) OccurredAt() time.Time { return r.At }

// Results of a verification.
const (
	LogIntact  = "intact"  // all that was signed is as it was signed
	LogDamaged = "damaged" // the log was changed
)

// OccurredAt implements Event.
func (v LogVerified) OccurredAt() time.Time { return v.At }

// OccurredAt implements Event.
func (a LogAccepted) OccurredAt() time.Time { return a.At }

// The wire names. Readers of the log outside this program depend on them:
// changing one breaks every log that was ever written.

func (LogAccepted) EventType() string        { return "log.accepted" }
func (LogVerified) EventType() string        { return "log.verified" }
func (LogRead) EventType() string            { return "log.read" }
func (RunStarted) EventType() string         { return "run.started" }
func (ConnectionLost) EventType() string     { return "run.connection_lost" }
func (ConnectionRestored) EventType() string { return "run.connection_restored" }
func (RunCompleted) EventType() string       { return "run.completed" }
func (RunFailed) EventType() string          { return "run.failed" }
func (RunCancelled) EventType() string       { return "run.cancelled" }
func (ScraperConfigured) EventType() string  { return "scraper.configured" }
func (ScraperPaused) EventType() string      { return "scraper.paused" }
func (ScraperResumed) EventType() string     { return "scraper.resumed" }
func (ScraperRemoved) EventType() string     { return "scraper.removed" }
func (ScrapeSkipped) EventType() string      { return "scraper.scrape_skipped" }
func (ScraperOverdue) EventType() string     { return "scraper.overdue" }
