package feed_test

import (
	"os"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/feed"
)

func TestMain(m *testing.M) { os.Exit(eventstoretest.Main(m)) }

func started(run uuid.UUID) domain.RunStarted {
	return domain.RunStarted{
		AboutRun: domain.AboutRun{RunID: run, Scraper: "shop"},
		Trigger:  domain.TriggerManual, Instance: "one",
	}
}

func completed(run uuid.UUID) domain.RunCompleted {
	return domain.RunCompleted{AboutRun: domain.AboutRun{RunID: run, Scraper: "shop"}, Items: 3}
}

func appendOf(expected int64, events ...domain.Event) eventstore.Append {
	a := eventstore.Append{Stream: events[0].Stream(), Expected: expected}
	for _, e := range events {
		a.Events = append(a.Events, eventstore.NewEvent{Event: e, Metadata: eventstore.Metadata{"actor": "test"}})
	}
	return a
}

func mustAppend(t testing.TB, s *feed.Feed, a eventstore.Append) []eventstore.Recorded {
	t.Helper()
	records, err := s.Append(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return records
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
