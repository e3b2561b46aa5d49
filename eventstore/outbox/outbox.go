// Package outbox keeps the notices that are to be sent. A consumer group adds them in
// the transaction that moves its offset; any number of instances claim and send them.
//
// The outbox is no read model: it is not rebuilt from the log, so that nothing is
// told twice. Each notice has an id that follows from its cause and its channel, and
// adding one again changes nothing.
package outbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Kind is what a notice is about.
type Kind string

// The kinds.
const (
	KindOutage  Kind = "outage"  // the scrapers of an origin lost their connections
	KindFailing Kind = "failing" // a scraper fails
	KindShort   Kind = "short"   // a scraper brings too few items
	KindOverdue Kind = "overdue" // a scraper has not succeeded in time
	KindLog     Kind = "log"     // the log or one of its readers is damaged
	KindRun     Kind = "run"     // a run has ended
	KindTest    Kind = "test"    // a person asked for it
)

// Kinds lists the kinds that a channel can ask for.
var Kinds = []Kind{KindOutage, KindFailing, KindShort, KindOverdue, KindLog, KindRun}

// State is how far a notice has come.
type State string

// The states.
const (
	StateHeld    State = "held"     // waits for what else happens within group_wait
	StatePending State = "pending"  // is sent until the channel takes it
	StateSent    State = "sent"     // the channel took it
	StateGivenUp State = "given_up" // the channel did not take it for a day
	StateMerged  State = "merged"   // another notice tells the same; it is not sent
)

// States lists the states.
var States = []State{StateHeld, StatePending, StateSent, StateGivenUp, StateMerged}

// Check returns a *domain.FieldError if there is no such state.
func (s State) Check(field string) error { return checkOneOf(field, s, States) }

// Check returns a *domain.FieldError if no channel can ask for the kind.
func (k Kind) Check(field string) error { return checkOneOf(field, k, Kinds) }

func checkOneOf[S ~string](field string, value S, known []S) error {
	if slices.Contains(known, value) {
		return nil
	}
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = string(k)
	}
	return &domain.FieldError{Field: field, Problem: fmt.Sprintf("%.40q is not one of them", value), Want: "use " + strings.Join(names, ", ")}
}

// Notice is a row of the outbox.
type Notice struct {
	Seq         int64
	ID          uuid.UUID // the webhook-id: the same at every attempt
	Channel     string
	Kind        Kind
	Type        string // "failing.started"
	Subject     string // notices of one subject reach a channel in order
	Position    int64  // of the causing event; 0: no event caused it
	State       State
	Cause       uuid.UUID       // the outage that it is about, if it is held
	Open        bool            // it tells a beginning whose end was not told
	Body        json.RawMessage // nil: not written yet
	CreatedAt   time.Time
	NextAttempt time.Time
	Attempts    int64
	Waited      time.Duration // between the attempts so far
	SentAt      time.Time
	LastError   string
}

// Title returns the title in the body.
func (n Notice) Title() string {
	var body struct {
		Data struct {
			Title string `json:"title"`
		} `json:"data"`
	}
	_ = json.Unmarshal(n.Body, &body) // one that is not written yet has none
	return body.Data.Title
}

// ID returns the id of the notice that cause leads to in a channel.
func ID(cause uuid.UUID, channel, noticeType string) uuid.UUID {
	return uuid.NewSHA1(cause, []byte("notice\x00"+channel+"\x00"+noticeType))
}

// Outbox is the outbox of a log.
type Outbox struct{ *eventstore.Store }

// New returns the outbox of a log.
func New(log *eventstore.Store) *Outbox { return &Outbox{log} }

const columns = `seq, id, channel, kind, type, subject, position, state, open, cause, body, created_at, next_attempt, attempts, waited, sent_at, last_error`

func scan(row eventstore.Scanner) (n Notice, err error) {
	var cause uuid.NullUUID
	var body, lastError sql.NullString
	err = row.Scan(&n.Seq, &n.ID, &n.Channel, &n.Kind, &n.Type, &n.Subject, &n.Position, &n.State, &n.Open, &cause, &body,
		eventstore.Micros{To: &n.CreatedAt}, eventstore.Micros{To: &n.NextAttempt}, &n.Attempts, &n.Waited, eventstore.Micros{To: &n.SentAt}, &lastError)
	n.Waited *= time.Microsecond
	n.Cause, n.LastError = cause.UUID, lastError.String
	if body.Valid {
		n.Body = json.RawMessage(body.String)
	}
	return n, err
}

func all(ctx context.Context, from eventstore.Querier, doing, query string, args ...any) ([]Notice, error) {
	return eventstore.Select(ctx, from, doing, scan, query, args...)
}
