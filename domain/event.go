package domain

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Event is a fact of the log. Its wire name and JSON are frozen by golden files:
// a changed shape is a new version with an upcaster (see [Retire]), never an edit.
//
//sumtype:decl
type Event interface {
	// EventType is the wire name, written out: "run.connection_lost".
	EventType() string
	// Stream is the stream the event belongs to: "run-<uuid>", "scraper-<name>" or
	// "log".
	Stream() string
	// ScraperName names the scraper whose guard the event moves; empty: none.
	ScraperName() string
	// Run is the run that the event is about; uuid.Nil for an event of a scraper.
	Run() uuid.UUID
	// OccurredAt is when the event happened, by its observer's clock.
	OccurredAt() time.Time

	isEvent()
}

// RunEvent is an event of a run.
//
//sumtype:decl
type RunEvent interface {
	Event
	isRunEvent()
}

// AboutRun holds the fields that every event of a run has.
type AboutRun struct {
	RunID   uuid.UUID `json:"run_id"`
	Scraper string    `json:"scraper"`
	At      time.Time `json:"at"`
}

// Stream implements Event.
func (a AboutRun) Stream() string { return RunStream(a.RunID) }

// Run implements Event.
func (a AboutRun) Run() uuid.UUID { return a.RunID }

func (AboutRun) isEvent()    {}
func (AboutRun) isRunEvent() {}

// ScraperName implements Event.
func (a AboutRun) ScraperName() string { return a.Scraper }

// OccurredAt implements Event.
func (a AboutRun) OccurredAt() time.Time { return a.At }

// ScraperEvent is an event of a scraper.
//
//sumtype:decl
type ScraperEvent interface {
	Event
	isScraperEvent()
}

// AboutScraper holds the fields that every event of a scraper has.
type AboutScraper struct {
	Scraper string    `json:"scraper"`
	At      time.Time `json:"at"`
}

// Stream implements Event.
func (a AboutScraper) Stream() string { return ScraperStream(a.Scraper) }

// Run implements Event.
func (AboutScraper) Run() uuid.UUID { return uuid.Nil }

func (AboutScraper) isEvent()        {}
func (AboutScraper) isScraperEvent() {}

// ScraperName implements Event.
func (a AboutScraper) ScraperName() string { return a.Scraper }

// OccurredAt implements Event.
func (a AboutScraper) OccurredAt() time.Time { return a.At }

// runStreamPrefix stands before a run's id in the name of its stream.
const runStreamPrefix = "run-"

// RunStream names the stream of a run.
func RunStream(id uuid.UUID) string { return runStreamPrefix + id.String() }

// NamesRunStream reports whether the name of a stream is that of a run, with the
// whole id or a part of it.
func NamesRunStream(stream string) bool { return strings.HasPrefix(stream, runStreamPrefix) }

// RunOfStream returns the run whose stream has the given name. ok is false for the
// stream of a scraper or of the log.
func RunOfStream(stream string) (run uuid.UUID, ok bool) {
	id, ok := strings.CutPrefix(stream, runStreamPrefix)
	if !ok {
		return uuid.Nil, false
	}
	run, err := uuid.Parse(id)
	return run, err == nil
}

// ScraperStream names the stream of a scraper.
func ScraperStream(name string) string { return "scraper-" + name }

// RunStarted opens a run and names the instance that follows it.
type RunStarted struct {
	AboutRun
	Trigger  Trigger         `json:"trigger"`
	DueAt    time.Time       `json:"due_at,omitzero"`   // the slot, for a scheduled run
	Recovers uuid.UUID       `json:"recovers,omitzero"` // the lost run, for a recovery run
	Watcher  string          `json:"watcher,omitempty"` // the watcher an attached run lives with
	Instance string          `json:"instance"`
	Params   json.RawMessage `json:"params,omitempty"` // what this run was asked for, in place of the configured params
}

// Received is the size of the part of a stream that arrived.
type Received struct {
	Events int64 `json:"events"`
	Bytes  int64 `json:"bytes"`
}

// ConnectionLost ends a run whose link dropped, could not be opened or fell silent.
type ConnectionLost struct {
	AboutRun
	Link        Link      `json:"link"`
	Phase       Phase     `json:"phase,omitempty"`
	Cause       Cause     `json:"cause"`
	Detail      string    `json:"detail"`
	LastHeardAt time.Time `json:"last_heard_at,omitzero"`
	LastEvent   string    `json:"last_event,omitempty"` // the name of the last event that came; at most [MaxLastEvent] bytes
	Received    Received  `json:"received"`
}

// ConnectionRestored follows a loss, once, when the connection is there again.
type ConnectionRestored struct {
	AboutRun
	Link      Link      `json:"link"`
	DownForMS int64     `json:"down_for_ms"`
	NoticedBy NoticedBy `json:"noticed_by"`
}

// RunCompleted ends a run whose scraper said "completed".
type RunCompleted struct {
	AboutRun
	Items      int64  `json:"items"`
	DurationMS int64  `json:"duration_ms"`
	Note       string `json:"note,omitempty"`      // from the scraper, such as how a crawl ended; at most [MaxNote] bytes
	MinItems   int64  `json:"min_items,omitempty"` // how many items were expected, if Items is less
}

// RunFailed ends a run whose connection held and whose scrape failed.
type RunFailed struct {
	AboutRun
	Code       FailureCode `json:"code"`
	Detail     string      `json:"detail"`
	HTTPStatus int         `json:"http_status,omitempty"`
}

// RunCancelled ends a run at the request of a person or a program.
type RunCancelled struct {
	AboutRun
	By     string `json:"by"`
	Reason string `json:"reason"`
}

// ScraperConfigured holds the whole configuration of a scraper, without secrets.
type ScraperConfigured struct {
	AboutScraper
	Source Source        `json:"source"`
	Config ScraperConfig `json:"config"`
}

// ScraperPaused stops the schedule and recoveries of a scraper.
type ScraperPaused struct {
	AboutScraper
	By     string `json:"by"`
	Reason string `json:"reason"`
}

// ScraperResumed ends a pause.
type ScraperResumed struct {
	AboutScraper
	By     string `json:"by"`
	Reason string `json:"reason"`
}

// ScraperRemoved takes a scraper out of service. Its history stays.
type ScraperRemoved struct {
	AboutScraper
	By     string `json:"by"`
	Reason string `json:"reason"`
}

// ScrapeSkipped records a scrape that was due and not run. All slots of one
// unbroken gap share one event.
type ScrapeSkipped struct {
	AboutScraper
	Trigger  Trigger    `json:"trigger"`
	DueAt    time.Time  `json:"due_at,omitzero"`
	Recovers uuid.UUID  `json:"recovers,omitzero"`
	Reason   SkipReason `json:"reason"`
}

// ScraperOverdue records that no run has completed as expected for the configured time.
type ScraperOverdue struct {
	AboutScraper
	Within        Duration  `json:"within"`
	LastSuccessAt time.Time `json:"last_success_at,omitzero"` // zero: none since the expectation was configured
}

// LogStream is the stream of events about the log itself.
const LogStream = "log"

// LogAccepted records that the owner of the log's key accepted a log that does not
// follow from the signed checkpoints, or whose proof was lost.
type LogAccepted struct {
	At         time.Time `json:"at"`
	By         string    `json:"by"`
	Reason     string    `json:"reason"`
	Superseded int64     `json:"superseded"` // the number of events that had been signed
	Proven     int64     `json:"proven"`     // the last position at which the log equals the signed one
	Key        string    `json:"key"`        // name and hash of the key that signs from here on
}

// Stream implements Event.
func (LogAccepted) Stream() string { return LogStream }

// ScraperName implements Event.
func (LogAccepted) ScraperName() string { return "" }

// Run implements Event.
func (LogAccepted) Run() uuid.UUID { return uuid.Nil }

func (LogAccepted) isEvent() {}

// OccurredAt implements Event.
func (a LogAccepted) OccurredAt() time.Time { return a.At }

// EventType implements Event.
func (LogAccepted) EventType() string { return "log.accepted" }

// The wire names. Readers of the log outside this program depend on them:
// changing one breaks every log that was ever written.

// EventType implements Event.
func (RunStarted) EventType() string { return "run.started" }

// EventType implements Event.
func (ConnectionLost) EventType() string { return "run.connection_lost" }

// EventType implements Event.
func (ConnectionRestored) EventType() string { return "run.connection_restored" }

// EventType implements Event.
func (RunCompleted) EventType() string { return "run.completed" }

// EventType implements Event.
func (RunFailed) EventType() string { return "run.failed" }

// EventType implements Event.
func (RunCancelled) EventType() string { return "run.cancelled" }

// EventType implements Event.
func (ScraperConfigured) EventType() string { return "scraper.configured" }

// EventType implements Event.
func (ScraperPaused) EventType() string { return "scraper.paused" }

// EventType implements Event.
func (ScraperResumed) EventType() string { return "scraper.resumed" }

// EventType implements Event.
func (ScraperRemoved) EventType() string { return "scraper.removed" }

// EventType implements Event.
func (ScrapeSkipped) EventType() string { return "scraper.scrape_skipped" }

// EventType implements Event.
func (ScraperOverdue) EventType() string { return "scraper.overdue" }

var decoders = map[string]func([]byte) (Event, error){}

// EventTypes lists the wire names of the events of scrapers and their runs that
// this program knows, in the order of a story.
var EventTypes = slices.Concat(RunEventTypes, []string{
	register[ScraperConfigured](), register[ScraperPaused](), register[ScraperResumed](),
	register[ScraperRemoved](), register[ScrapeSkipped](), register[ScraperOverdue](),
})

// RunEventTypes lists those of runs.
var RunEventTypes = []string{
	register[RunStarted](), register[ConnectionLost](), register[ConnectionRestored](),
	register[RunCompleted](), register[RunFailed](), register[RunCancelled](),
}

// LogEventTypes lists those of the log itself.
var LogEventTypes = []string{register[LogAccepted]()}

func register[E Event]() string {
	var zero E
	decoders[zero.EventType()] = func(data []byte) (Event, error) {
		var e E
		if err := json.Unmarshal(data, &e); err != nil {
			return nil, fmt.Errorf("event %s: %w", zero.EventType(), err)
		}
		return e, nil
	}
	return zero.EventType()
}

// Decode reads an event of the given wire name; one of a retired name is upcast.
// An unknown name is an event of a newer program: Decode returns nil and no error,
// and readers skip the event.
func Decode(eventType string, data []byte) (Event, error) {
	current, data, err := upcast(eventType, data)
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", eventType, err)
	}
	decode, known := decoders[current]
	if !known {
		return nil, nil
	}
	return decode(data)
}

// Encode writes an event's payload as it enters the log.
func Encode(e Event) (json.RawMessage, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", e.EventType(), err)
	}
	return data, nil
}
