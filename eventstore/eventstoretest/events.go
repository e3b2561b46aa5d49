package eventstoretest

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Patience is how long a test waits for what must come about.
const Patience = 30 * time.Second

// At is when the events of tests occur.
var At = time.Date(2026, 11, 1, 12, 0, 0, 123456789, time.UTC)

// Started is the start of a run of the scraper "shop".
func Started(run uuid.UUID) domain.RunStarted {
	return domain.RunStarted{
		AboutRun: domain.AboutRun{RunID: run, Scraper: "shop", At: At},
		Trigger:  domain.TriggerSchedule, DueAt: At, Instance: "one",
	}
}

// Completed is the end of a run of the scraper "shop".
func Completed(run uuid.UUID) domain.RunCompleted {
	return domain.RunCompleted{AboutRun: domain.AboutRun{RunID: run, Scraper: "shop", At: At}, Items: 3}
}

// AppendOf is the append of events to the stream of the first.
func AppendOf(expected int64, events ...domain.Event) eventstore.Append {
	a := eventstore.Append{Stream: events[0].Stream(), Expected: expected}
	for _, e := range events {
		a.Events = append(a.Events, eventstore.NewEvent{Event: e, Metadata: eventstore.Metadata{"actor": "test"}})
	}
	return a
}

// Log is an eventstore.Store, or what embeds one.
type Log interface {
	Append(ctx context.Context, a eventstore.Append) ([]eventstore.Recorded, error)
	InTx(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error
}

// MustAppend appends, or fails the test.
func MustAppend[L Log](t testing.TB, log L, a eventstore.Append) []eventstore.Recorded {
	t.Helper()
	records, err := log.Append(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// Write runs a statement in its own transaction, or fails the test.
func Write[L Log](t testing.TB, log L, statement string) {
	t.Helper()
	err := log.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Await polls until good, or fails the test after [Patience].
func Await(t testing.TB, good func() bool) {
	t.Helper()
	deadline := time.After(Patience)
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for !good() {
		select {
		case <-deadline:
			t.Fatal("it did not come about")
		case <-poll.C:
		}
	}
}
