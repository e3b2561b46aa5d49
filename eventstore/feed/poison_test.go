package feed_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/feed"
)

// breaks is a statement whose error ends the transaction: every error does on
// PostgreSQL, some do on SQLite, which then goes on without one.
var breaks = map[eventstore.Dialect]string{
	eventstore.Postgres: `INSERT INTO nowhere VALUES (1)`,
	eventstore.SQLite:   `INSERT OR ROLLBACK INTO consumer_offsets (topic, consumer_group) VALUES ('events', 'effects')`,
}

func breakQuietly(msg *message.Message, d eventstore.Dialect) {
	tx, _ := eventstore.TxFrom(msg.Context())
	_, _ = tx.ExecContext(msg.Context(), breaks[d])
}

func TestFeedFindsAnErrorThatTheHandlerPassedOver(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := feed.New(db.Open(t))
		withEffects(t, s)
		appendRuns(t, s, 10)
		var failed atomic.Bool
		consume(t, s, config(), func(msg *message.Message) error {
			if err := effect(msg); err != nil {
				return err
			}
			if r, _ := feed.RecordedFromMessage(msg); r.Position == 10 && !failed.Swap(true) {
				breakQuietly(msg, db.Dialect)
			}
			return nil
		})
		assertEffects(t, s, 10)
	})
}

func TestErrorThatIsPassedOverEachTimeIsPoison(t *testing.T) {
	for _, blocks := range []bool{false, true} {
		eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
			s := feed.New(db.Open(t))
			appendRuns(t, s, 10)
			cfg := config()
			cfg.Blocks = blocks
			consume(t, s, cfg, func(msg *message.Message) error {
				if r, _ := feed.RecordedFromMessage(msg); r.Position == 4 {
					breakQuietly(msg, db.Dialect)
				}
				return nil
			})
			if blocks {
				state := awaitGroup(t, s, func(g feed.Group) bool { return g.BlockedBy != "" })
				if state.Position != 3 {
					t.Errorf("blocked behind position %d, want 3", state.Position)
				}
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := s.WaitFor(ctx, "effects", 10); err != nil {
				t.Fatal(err)
			}
			letters, err := s.DeadLetters(ctx)
			if err != nil || len(letters) != 1 || letters[0].Position != 4 {
				t.Errorf("dead letters %+v, %v; want position 4", letters, err)
			}
		})
	}
}

func TestPoisonOfAReactionBecomesADeadLetter(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := feed.New(db.Open(t))
		withEffects(t, s)
		appendRuns(t, s, 3)
		consume(t, s, config(), func(msg *message.Message) error {
			if r, _ := feed.RecordedFromMessage(msg); r.Position == 2 {
				return errors.New("poison")
			}
			return effect(msg)
		})
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := s.WaitFor(ctx, "effects", 3); err != nil {
			t.Fatal(err)
		}
		letters, err := s.DeadLetters(ctx)
		if err != nil || len(letters) != 1 || letters[0].Position != 2 || letters[0].Reason != "poison" {
			t.Errorf("dead letters %+v, %v; want position 2", letters, err)
		}
		states, err := s.GroupStates(ctx)
		if err != nil || len(states) != 1 || states[0].DeadLetters != 1 || states[0].Lag != 0 {
			t.Errorf("states %+v, %v", states, err)
		}
	})
}

func TestPoisonBlocksAProjectionUntilItCanBeApplied(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := feed.New(db.Open(t))
		withEffects(t, s)
		appendRuns(t, s, 3)
		cfg := config()
		cfg.Blocks = true
		var cured atomic.Bool
		consume(t, s, cfg, func(msg *message.Message) error {
			if r, _ := feed.RecordedFromMessage(msg); r.Position == 2 && !cured.Load() {
				return errors.New("poison")
			}
			return effect(msg)
		})
		state := awaitGroup(t, s, func(g feed.Group) bool { return g.BlockedBy != "" })
		if state.Position != 1 || state.Lag != 2 || state.BlockedBy != "position 2: poison" || state.Behind <= 0 {
			t.Errorf("state is %+v", state)
		}
		cured.Store(true)
		assertEffects(t, s, 3)
		if state = awaitGroup(t, s, func(g feed.Group) bool { return g.Lag == 0 }); state.BlockedBy != "" {
			t.Errorf("still blocked by %s", state.BlockedBy)
		}
	})
}

// awaitGroup waits for a group to be as wanted.
func awaitGroup(t testing.TB, s *feed.Feed, good func(feed.Group) bool) (found feed.Group) {
	t.Helper()
	await(t, func() bool {
		states, err := s.GroupStates(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(states, good)
		if i >= 0 {
			found = states[i]
		}
		return i >= 0
	})
	return found
}

func TestDatabaseErrorsAreNoPoison(t *testing.T) {
	s := feed.New(eventstoretest.SQLite(t).Open(t))
	withEffects(t, s)
	appendRuns(t, s, 1)
	var handled atomic.Int64
	consume(t, s, config(), func(msg *message.Message) error {
		if handled.Add(1) < 20 {
			return fmt.Errorf("%w: the disk is full", eventstore.ErrUnavailable)
		}
		return effect(msg)
	})
	assertEffects(t, s, 1)
}
