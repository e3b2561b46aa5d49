package react_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/feed"
	"scrapelog/handlers/react"
)

const patience = 30 * time.Second

var at = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func about(run uuid.UUID) domain.AboutRun {
	return domain.AboutRun{RunID: run, Scraper: "shop", At: at}
}

// story is a run that was lost and whose connection is back.
func story(run uuid.UUID) []domain.Event {
	return []domain.Event{
		domain.RunStarted{AboutRun: about(run), Trigger: domain.TriggerManual, Instance: "one"},
		domain.ConnectionLost{AboutRun: about(run), Link: domain.LinkScraper, Cause: domain.CauseEOF},
		domain.ConnectionRestored{AboutRun: about(run), Link: domain.LinkScraper, NoticedBy: domain.NoticedByProbe},
	}
}

func record(ctx context.Context, s *feed.Feed, expected int64, events ...domain.Event) ([]eventstore.Recorded, error) {
	a := eventstore.Append{Stream: events[0].Stream(), Expected: expected}
	for _, e := range events {
		a.Events = append(a.Events, eventstore.NewEvent{Event: e, Metadata: eventstore.Metadata{"correlation_id": "a story"}})
	}
	return s.Append(ctx, a)
}

// run starts a router over the groups and stops it when the test ends.
func run(t *testing.T, s *feed.Feed, groups ...react.Group) {
	t.Helper()
	router, err := react.New(s, slog.New(slog.DiscardHandler), groups...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- router.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("router: %v", err)
		}
	})
}

func await(t *testing.T, s *feed.Feed, group string, position int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.WaitFor(ctx, group, position); err != nil {
		t.Fatalf("group %s did not come to %d: %v", group, position, err)
	}
}

// alone answers each order by itself.
func alone(handle func(ctx context.Context, c domain.Command, by domain.Origin) ([]eventstore.Recorded, error)) func(context.Context, []domain.Order) []eventstore.Appended {
	return func(ctx context.Context, orders []domain.Order) (answers []eventstore.Appended) {
		for _, order := range orders {
			recorded, err := handle(ctx, order.Command, order.By)
			answers = append(answers, eventstore.Appended{Recorded: recorded, Err: err})
		}
		return answers
	}
}

// seen is a projection that remembers what it was given.
type seen struct {
	mu    sync.Mutex
	types []string
}

func (*seen) Name() string { return "seen" }

func (p *seen) Apply(_ context.Context, tx *sql.Tx, r eventstore.Recorded, e domain.Event) error {
	if tx == nil || e.EventType() != r.Type {
		return fmt.Errorf("given %v, %+v and %T", tx, r, e)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.types = append(p.types, r.Type)
	return nil
}

func TestProjectionIsGivenEveryEventInOrder(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := feed.New(db.Open(t))
		if _, err := record(t.Context(), s, 0, story(uuid.New())...); err != nil {
			t.Fatal(err)
		}
		p := &seen{}
		run(t, s, react.Project(p))
		await(t, s, "seen", 3)
		p.mu.Lock()
		defer p.mu.Unlock()
		if want := []string{"run.started", "run.connection_lost", "run.connection_restored"}; !slices.Equal(p.types, want) {
			t.Errorf("seen %v, want %v", p.types, want)
		}
	})
}

func TestSagaCommandCommitsWithItsOffset(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := feed.New(db.Open(t))
		lost := uuid.New()
		recorded, err := record(t.Context(), s, 0, story(lost)...)
		if err != nil {
			t.Fatal(err)
		}
		restored := recorded[2]
		tries := 0
		run(t, s, react.Rescrape(alone(func(ctx context.Context, c domain.Command, by domain.Origin) ([]eventstore.Recorded, error) {
			start := c.(domain.StartScrape)
			if start.Recovers != lost || start.Trigger != domain.TriggerRecovery {
				t.Errorf("command is %+v", start)
			}
			if want := (domain.Origin{Actor: "saga:rescrape", Causation: restored.ID, Correlation: "a story"}); by != want {
				t.Errorf("origin is %+v, want %+v", by, want)
			}
			started, err := record(ctx, s, 0, domain.RunStarted{AboutRun: about(start.RunID), Recovers: lost, Trigger: start.Trigger})
			if err != nil {
				t.Errorf("try %d: %v: the append of a failed try was committed without the offset", tries+1, err)
			}
			if tries++; tries == 1 {
				return nil, errors.New("on purpose, after the append")
			}
			return started, err
		}), slog.New(slog.DiscardHandler)))
		await(t, s, "rescrape", 4)
		if head, err := s.Head(t.Context()); head != 4 || err != nil {
			t.Errorf("head is %d, %v; want 4: one recovery run", head, err)
		}
		if letters, err := s.DeadLetters(t.Context()); tries != 2 || len(letters) != 0 || err != nil {
			t.Errorf("%d tries, dead letters %v, %v; want 2 and none", tries, letters, err)
		}
	})
}

func TestRefusalOfTheSagaIsNoFailure(t *testing.T) {
	s := feed.New(eventstoretest.SQLite(t).Open(t))
	if _, err := record(t.Context(), s, 0, story(uuid.New())...); err != nil {
		t.Fatal(err)
	}
	asked := 0
	run(t, s, react.Rescrape(alone(func(context.Context, domain.Command, domain.Origin) ([]eventstore.Recorded, error) {
		asked++
		return nil, fmt.Errorf("no: %w", domain.ErrConflict)
	}), slog.New(slog.DiscardHandler)))
	await(t, s, "rescrape", 3)
	if asked != 1 {
		t.Errorf("asked %d times, want once", asked)
	}
	if letters, err := s.DeadLetters(t.Context()); len(letters) != 0 || err != nil {
		t.Errorf("dead letters %v, %v; want none", letters, err)
	}
}

func TestUnknownEventIsPassedOver(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := feed.New(db.Open(t))
		err := s.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO events (position, stream, version, id, type, recorded_at, data, metadata)
				VALUES (1, 'run-x', 1, '019a3f00-0000-7000-8000-000000000001', 'run.of_the_future', 1, '{"a": 1}', '{}')`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		run(t, s, react.Project(&seen{}))
		await(t, s, "seen", 1)
	})
}
