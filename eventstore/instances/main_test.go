package instances_test

import (
	"context"
	"database/sql"
	"os"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/instances"
	"testing"
	"time"

	"github.com/google/uuid"
)

const patience = 30 * time.Second

func TestMain(m *testing.M) { os.Exit(eventstoretest.Main(m)) }

func started(run uuid.UUID) domain.RunStarted {
	return domain.RunStarted{
		AboutRun: domain.AboutRun{RunID: run, Scraper: "shop"},
		Trigger:  domain.TriggerManual, Instance: "one",
	}
}

func appendOf(expected int64, events ...domain.Event) eventstore.Append {
	a := eventstore.Append{Stream: events[0].Stream(), Expected: expected}
	for _, e := range events {
		a.Events = append(a.Events, eventstore.NewEvent{Event: e, Metadata: eventstore.Metadata{"actor": "test"}})
	}
	return a
}

func mustAppend(t testing.TB, s *instances.Registry, a eventstore.Append) []eventstore.Recorded {
	t.Helper()
	records, err := s.Append(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func write(t testing.TB, s *instances.Registry, statement string) {
	t.Helper()
	err := s.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// await polls until good, with a deadline.
func await(t testing.TB, good func() bool) {
	t.Helper()
	deadline := time.After(patience)
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
