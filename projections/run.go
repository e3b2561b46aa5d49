package projections

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// Run is one run as it stands at Position. Its JSON is that of the API, which a client
// decodes into the same type. What is unset is zero and left out. Items and DurationMS are
// pointers because zero is one of their values.
type Run struct {
	ID          uuid.UUID          `json:"id"`
	Scraper     string             `json:"scraper"`
	Status      domain.RunStatus   `json:"status"`
	Trigger     domain.Trigger     `json:"trigger"`
	Watcher     string             `json:"-"`              // the digest of the watcher that an attached run lives with
	Link        domain.Link        `json:"link,omitempty"` // which connection dropped
	StartedAt   Time               `json:"started_at"`
	EndedAt     Time               `json:"ended_at,omitzero"`
	DurationMS  *int64             `json:"duration_ms,omitempty"` // set once the run has ended
	Cause       domain.Cause       `json:"cause,omitempty"`
	Phase       domain.Phase       `json:"phase,omitempty"`
	Detail      string             `json:"detail,omitempty"`     // of a loss or a failure
	LastEvent   string             `json:"last_event,omitempty"` // the name of the last event before a loss
	Code        domain.FailureCode `json:"code,omitempty"`
	Items       *int64             `json:"items,omitempty"`       // set for a completed run
	MinItems    int64              `json:"min_items,omitempty"`   // how many items were expected, if a completed run brought fewer
	Note        string             `json:"note,omitempty"`        // what the scraper said beside its items
	Recovers    uuid.UUID          `json:"recovers,omitzero"`     // the lost run this one stands in for
	RecoveredBy uuid.UUID          `json:"recovered_by,omitzero"` // the run that stood in for this one
	Instance    string             `json:"instance"`              // the scrapelog instance that follows or followed it
	Position    int64              `json:"position"`              // of the last event that changed this row

	// What pages show beside it.

	StartPosition int64            `json:"-"` // of run.started
	DueAt         time.Time        `json:"-"` // the slot of a scheduled run
	LastHeardAt   time.Time        `json:"-"` // the last byte before a loss
	Received      domain.Received  `json:"-"` // what was heard before a loss
	RestoredAt    time.Time        `json:"-"` // when the lost connection was back
	DownForMS     *int64           `json:"-"` // from loss to return
	NoticedBy     domain.NoticedBy `json:"-"` // who saw the return
	HTTPStatus    int              `json:"-"` // what a failed run was answered with
	CancelledBy   string           `json:"-"`
	CancelReason  string           `json:"-"`
	Params        json.RawMessage  `json:"-"` // in place of the configured params
}

// Attached reports whether the run lives only as long as its watcher.
func (r Run) Attached() bool { return r.Watcher != "" }

// Counts is how many runs have each status; all five are present.
type Counts map[domain.RunStatus]int64

// Total is the number of runs of any status.
func (c Counts) Total() int64 {
	var n int64
	for _, runs := range c {
		n += runs
	}
	return n
}

// Time is an instant of a row that is written to JSON in UTC and with microseconds, which
// a bare time.Time leaves out on a full second.
type Time struct{ time.Time }

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) {
	return t.UTC().AppendFormat(nil, `"2006-01-02T15:04:05.000000Z07:00"`), nil
}
