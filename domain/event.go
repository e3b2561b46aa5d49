package domain

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/google/uuid"
)

// Event is a fact of the log. Its wire name and JSON are frozen by golden files:
// a changed shape is a new version with an upcaster (see [Retire]), never an edit.
//
//sumtype:decl
type Event interface {
	// EventType is the wire name, written out: "run.connection_lost".
	EventType() string
	// Stream is the stream the event belongs to: "run-<uuid>", "scraper-<name>",
	// "user-<uuid>" or "log".
	Stream() string
	// ScraperName names the scraper whose guard the event moves; empty: none.
	ScraperName() string
	// Run is the run that the event is about; uuid.Nil for an event of something else.
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
	RunID   uuid.UUID `json:"run_id"`  // the run
	Scraper string    `json:"scraper"` // its name
	At      time.Time `json:"at"`      // when it happened, by the clock of the instance that saw it
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
	Scraper string    `json:"scraper"` // its name
	At      time.Time `json:"at"`      // when it happened, by the clock of the instance that saw it
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
var LogEventTypes = []string{register[LogAccepted](), register[LogVerified](), register[LogRead]()}

// UserEventTypes lists those of users and their tokens.
var UserEventTypes = []string{
	register[UserAdded](), register[UserRoleChanged](), register[UserDisabled](), register[UserRemoved](),
	register[UserPasswordChanged](), register[TokenIssued](), register[TokenRevoked](),
}

// AllEventTypes lists every wire name that this program knows.
var AllEventTypes = slices.Concat(EventTypes, LogEventTypes, UserEventTypes)

// asWritten has payloads read as encoding/json, which writes them, reads them, in a third
// of its time.
var asWritten = jsonv1.DefaultOptionsV1()

func register[E Event]() string {
	var zero E
	decoders[zero.EventType()] = func(data []byte) (Event, error) {
		var e E
		if err := jsonv2.Unmarshal(data, &e, asWritten); err != nil {
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
