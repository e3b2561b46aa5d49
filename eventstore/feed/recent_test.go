package feed_test

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/feed"
)

// A message carries a batch, decoded.
func TestAMessageCarriesABatch(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := feed.New(db.Open(t))
		appendRuns(t, s, 12)
		cfg := config()
		cfg.Batch = 5
		sub, err := s.Subscriber(cfg, watermill.NopLogger{})
		if err != nil {
			t.Fatal(err)
		}
		messages, err := sub.Subscribe(t.Context(), eventstore.Topic)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = sub.Close() })
		var sizes []int
		for position := int64(0); position < 12; {
			m := receive(t, messages)
			batch, err := feed.Events(m)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range batch {
				position++
				if run, ok := e.Decoded.(domain.RunStarted); e.Position != position || !ok || run.Stream() != e.Stream {
					t.Errorf("position %d is %+v", position, e)
				}
			}
			sizes = append(sizes, len(batch))
			m.Ack()
		}
		if !slices.Equal(sizes, []int{5, 5, 2}) {
			t.Errorf("batches of %v, want 5, 5, 2", sizes)
		}
	})
}

// receive waits for the next message.
func receive(t *testing.T, messages <-chan *message.Message) *message.Message {
	t.Helper()
	select {
	case m := <-messages:
		return m
	case <-time.After(patience):
		t.Fatal("no message came")
		return nil
	}
}

// The second group is given what the first one has read.
func TestGroupsShareWhatTheyRead(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := feed.New(db.Open(t))
		appendRuns(t, s, 3)
		var read [2][]*byte
		for i, group := range []string{"first", "second"} {
			cfg := config()
			cfg.Group = group
			sub, err := s.Subscriber(cfg, watermill.NopLogger{})
			if err != nil {
				t.Fatal(err)
			}
			messages, err := sub.Subscribe(t.Context(), eventstore.Topic)
			if err != nil {
				t.Fatal(err)
			}
			m := receive(t, messages)
			batch, err := feed.Events(m)
			if err != nil || len(batch) != 3 {
				t.Fatal(len(batch), err)
			}
			for _, e := range batch {
				read[i] = append(read[i], &e.Data[0])
			}
			m.Ack()
			if err := sub.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(read[0], read[1]) {
			t.Error("the second group has read the log itself")
		}
	})
}

// A database that was restored has other events at the positions that this process has
// read. The groups are given what the log has.
func TestARestoredLogIsReadAgain(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := feed.New(db.Open(t))
		appendRuns(t, s, 3)
		seen := config()
		seen.Group = "seen"
		stop := consume(t, s, seen, func(*message.Message) error { return nil })
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := s.WaitFor(ctx, "seen", 3); err != nil {
			t.Fatal(err)
		}
		stop()
		restored := uuid.New()
		replaceLast(t, s, restored)

		var found atomic.Bool
		cfg := config()
		cfg.Poll = 0 // the default: what no commit announces is found by the poll
		consume(t, s, cfg, func(msg *message.Message) error {
			r, err := feed.RecordedFromMessage(msg)
			if r.Position == 3 && r.ID == restored {
				found.Store(true)
			}
			return err
		})
		if err := s.WaitFor(ctx, "effects", 3); err != nil {
			t.Fatal(err)
		}
		if !found.Load() {
			t.Error("the event that was read before the restore was handed out")
		}
	})
}

// replaceLast gives the last event another id, as no statement may while the triggers
// are there.
func replaceLast(t *testing.T, s *feed.Feed, id uuid.UUID) {
	t.Helper()
	err := s.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		drop, err := dropTriggers(ctx, tx, s.Dialect())
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, drop+`UPDATE events SET id = '`+id.String()+`' WHERE position = (SELECT max(position) FROM events)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func dropTriggers(ctx context.Context, tx *sql.Tx, d eventstore.Dialect) (string, error) {
	if d == eventstore.Postgres {
		return `ALTER TABLE events DISABLE TRIGGER ALL;`, nil
	}
	names, err := eventstore.Select(ctx, tx, "triggers", func(row eventstore.Scanner) (name string, err error) {
		err = row.Scan(&name)
		return "DROP TRIGGER " + name + ";", err
	}, `SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'events'`)
	return strings.Join(names, ""), err
}
