package projections_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/react"
	"scrapelog/projections"
)

var benchEvents = flag.Int64("events", 30_000, "events of the log that benchmarks work on")

var (
	benchInstance = "0195f0c0-1111-7aaa-8bbb-123456789abc"
	benchParams   = json.RawMessage(`{"depth":2,"note":"` + strings.Repeat("p", 60) + `"}`)
	benchDetail   = "read tcp 10.0.0.7:41742->10.0.0.9:9090: read: connection reset by peer"
)

// benchStory is the life of two runs: one that is lost, and the one that stands
// in for it. With what is stored beside it an event has about 500 bytes.
func benchStory(i int) (first, second []domain.Event) {
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Second)
	scraper := fmt.Sprintf("shop-%03d", i%50)
	lost := domain.AboutRun{RunID: uuid.Must(uuid.NewV7()), Scraper: scraper, At: at}
	next := domain.AboutRun{RunID: uuid.Must(uuid.NewV7()), Scraper: scraper, At: at}
	return []domain.Event{
			domain.RunStarted{AboutRun: lost, Trigger: domain.TriggerSchedule, DueAt: at, Instance: benchInstance, Params: benchParams},
			domain.ConnectionLost{AboutRun: lost, Link: domain.LinkScraper, Phase: domain.PhaseStreaming, Cause: domain.CauseReset, Detail: benchDetail, LastHeardAt: at, Received: domain.Received{Events: 17, Bytes: 4711}},
			domain.ConnectionRestored{AboutRun: lost, Link: domain.LinkScraper, DownForMS: 1234, NoticedBy: domain.NoticedByProbe},
		}, []domain.Event{
			domain.RunStarted{AboutRun: next, Trigger: domain.TriggerRecovery, Recovers: lost.RunID, Instance: benchInstance, Params: benchParams},
			domain.RunCompleted{AboutRun: next, Items: 17, DurationMS: 4711},
		}
}

func benchAppend(events []domain.Event) eventstore.Append {
	a := eventstore.Append{Stream: events[0].Stream()}
	for _, e := range events {
		a.Events = append(a.Events, eventstore.NewEvent{Event: e, Metadata: eventstore.Metadata{
			"actor": "scheduler", "instance": benchInstance, "correlation_id": uuid.NewString(),
			"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		}})
	}
	return a
}

// benchLog is a log of at least the wanted number of events, and how many it has.
func benchLog(b *testing.B, db eventstoretest.Database) (*eventstore.Store, int64) {
	b.Helper()
	store := db.Open(b)
	if err := projections.Ensure(b.Context(), store); err != nil {
		b.Fatal(err)
	}
	writers, ctx := errgroup.WithContext(b.Context())
	writers.SetLimit(64)
	for i := 0; int64(i) < *benchEvents/5; i++ {
		writers.Go(func() error {
			first, second := benchStory(i)
			if _, err := store.Append(ctx, benchAppend(first)); err != nil {
				return err
			}
			_, err := store.Append(ctx, benchAppend(second))
			return err
		})
	}
	if err := writers.Wait(); err != nil {
		b.Fatal(err)
	}
	head, err := store.Head(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return store, head
}

func benchEach(b *testing.B, run func(b *testing.B, store *eventstore.Store, head int64)) {
	for name, database := range map[string]func(testing.TB) eventstoretest.Database{"sqlite": eventstoretest.SQLite, "postgres": eventstoretest.Postgres} {
		b.Run(name, func(b *testing.B) {
			store, head := benchLog(b, database(b))
			b.ResetTimer()
			run(b, store, head)
		})
	}
}

// rewind has the projections see the whole log again.
func rewind(b *testing.B, store *eventstore.Store) {
	b.Helper()
	for _, table := range []string{"runs", "run_counts", "scrapers", "consumer_offsets"} {
		err := store.InTx(b.Context(), func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "DELETE FROM "+table)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLive has all projections follow a log through the feed at once, as a
// server does.
func BenchmarkLive(b *testing.B) {
	benchEach(b, func(b *testing.B, store *eventstore.Store, head int64) {
		for b.Loop() {
			b.StopTimer()
			rewind(b, store)
			b.StartTimer()
			var groups []react.Group
			for _, p := range projections.All() {
				groups = append(groups, react.Project(p))
			}
			follow(b, store, head, groups...)
		}
		b.ReportMetric(float64(head)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	})
}

// follow returns when every group has come to the position.
func follow(b *testing.B, store *eventstore.Store, position int64, groups ...react.Group) {
	b.Helper()
	router, err := react.New(store, slog.New(slog.DiscardHandler), groups...)
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- router.Run(ctx) }()
	for _, group := range groups {
		if err := store.WaitFor(ctx, group.Name, position); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	stop()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	b.StartTimer()
}
