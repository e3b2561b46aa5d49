package feed_test

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/feed"
)

// keeper keeps the effects of a batch in memory; hinder may spoil the writing.
type keeper struct {
	messages []*message.Message
	hinder   func(positions []int64) error
}

func (k *keeper) Flush(ctx context.Context) error {
	var positions []int64
	for _, msg := range k.messages {
		if err := effect(msg); err != nil {
			return err
		}
		r, _ := feed.RecordedFromMessage(msg)
		positions = append(positions, r.Position)
	}
	k.messages = nil
	return k.hinder(positions)
}

func freely([]int64) error { return nil }

// keeping is a handler that writes nothing itself.
func keeping(hinder func(positions []int64) error) func(*message.Message) error {
	return func(msg *message.Message) error {
		k, ok := feed.Keep(msg.Context(), func() *keeper { return &keeper{hinder: hinder} })
		if !ok {
			return errors.New("the message's context keeps nothing")
		}
		// The handler's context ends with it.
		kept := msg.Copy()
		kept.SetContext(context.WithoutCancel(msg.Context()))
		k.messages = append(k.messages, kept)
		return nil
	}
}

func TestWhatIsKeptIsWrittenOnce(t *testing.T) {
	fault := errors.New("on purpose")
	flushes := map[string]func(n int64) error{
		"in peace":            func(int64) error { return nil },
		"a flush that fails":  func(int64) error { return fault },
		"a flush that panics": func(int64) error { panic(fault) },
	}
	for name, flush := range flushes {
		t.Run(name, func(t *testing.T) {
			eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
				s := feed.New(db.Open(t))
				withEffects(t, s)
				appendRuns(t, s, 20)
				var flushed, handled atomic.Int64
				keep := keeping(func([]int64) error {
					if n := flushed.Add(1); n%4 == 1 {
						return flush(n)
					}
					return nil
				})
				cfg := config()
				cfg.Batch = 7
				consume(t, s, cfg, func(msg *message.Message) error {
					if err := keep(msg); err != nil {
						return err
					}
					if handled.Add(1)%5 == 0 {
						return fault // with what was kept before it
					}
					return nil
				})
				assertEffects(t, s, 20)
			})
		})
	}
}

func TestABatchIsFlushedTogether(t *testing.T) {
	s := feed.New(eventstoretest.SQLite(t).Open(t))
	withEffects(t, s)
	appendRuns(t, s, 20)
	cfg := config()
	cfg.Batch = 10
	batches := make(chan []int64, 20)
	consume(t, s, cfg, keeping(func(positions []int64) error { batches <- positions; return nil }))
	assertEffects(t, s, 20)
	if first := <-batches; !slices.Equal(first, []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}) {
		t.Errorf("first batch %v, want 1 to 10", first)
	}
}

// Whose fault it is that a batch cannot be written shows when each message is
// flushed alone.
func TestPoisonThatOnlyTheFlushFinds(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := feed.New(db.Open(t))
		withEffects(t, s)
		appendRuns(t, s, 10)
		var cured atomic.Bool
		cfg := config()
		cfg.Blocks = true
		consume(t, s, cfg, keeping(func(positions []int64) error {
			if slices.Contains(positions, 4) && !cured.Load() {
				return errors.New("poison")
			}
			return nil
		}))
		state := awaitGroup(t, s, func(g feed.Group) bool { return g.BlockedBy != "" })
		if state.Position != 3 || state.BlockedBy != "position 4: poison" {
			t.Errorf("state is %+v, want it blocked by position 4", state)
		}
		cured.Store(true)
		assertEffects(t, s, 10)
	})
}

func TestWhatIsKeptSurvivesRestarts(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := feed.New(db.Open(t))
		withEffects(t, s)
		appendRuns(t, s, 100)
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 0))
		keep := keeping(freely)
		for range 10 {
			stopAt := int64(1 + random.IntN(15))
			reached := make(chan struct{})
			var handled atomic.Int64
			stop := consume(t, s, config(), func(msg *message.Message) error {
				if handled.Add(1) == stopAt {
					close(reached)
				}
				return keep(msg)
			})
			if offset, err := s.Offset(t.Context(), "effects"); err != nil || offset < 80 {
				<-reached
			}
			stop()
		}
		consume(t, s, config(), keep)
		assertEffects(t, s, 100)
	})
}

func TestNothingIsKeptOutsideTheFeed(t *testing.T) {
	s := feed.New(eventstoretest.SQLite(t).Open(t))
	never := func() *keeper { t.Error("keep was called"); return nil }
	if _, ok := feed.Keep(t.Context(), never); ok {
		t.Error("kept without a transaction")
	}
	err := s.InTx(t.Context(), func(ctx context.Context, _ *sql.Tx) error {
		if _, ok := feed.Keep(ctx, never); ok {
			t.Error("kept in a transaction that nobody flushes")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The last of the batch is not of the group's types: what was kept of those
// before it must be written all the same.
func TestAGroupIsHandedItsTypesAlone(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := feed.New(db.Open(t))
		withEffects(t, s)
		run := uuid.New()
		mustAppend(t, s, appendOf(0, started(run)))
		mustAppend(t, s, appendOf(1, completed(run)))
		cfg := config()
		cfg.Types = []string{domain.RunStarted{}.EventType()}
		stop := consume(t, s, cfg, keeping(freely))
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := s.WaitFor(ctx, "effects", 2); err != nil {
			t.Fatal(err)
		}
		stop()
		assertEffects(t, s, 1)
	})
}

// A commit for each event that a group is not handed would hold up every writer
// of a file.
func TestAGroupStaysWhereItIsForAFewEventsOfOthers(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := feed.New(db.Open(t))
		withEffects(t, s)
		run, other := uuid.New(), uuid.New()
		mustAppend(t, s, appendOf(0, started(run)))
		cfg := config()
		cfg.Types = []string{domain.RunCompleted{}.EventType()}
		stop := consume(t, s, cfg, keeping(freely))
		defer stop()
		came := func(group string, want int64) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := s.WaitFor(ctx, group, want); err != nil {
				t.Fatalf("%s did not come to %d: %v", group, want, err)
			}
		}
		came("effects", 1) // past it, once
		everything := config()
		everything.Group = "everything"
		defer consume(t, s, everything, func(*message.Message) error { return nil })()
		for version := range int64(3) {
			mustAppend(t, s, appendOf(version, started(other)))
		}
		came("everything", 4)
		if at, err := s.Offset(t.Context(), "effects"); at != 1 || err != nil {
			t.Errorf("the group is at %d, %v; want 1: nothing of the rest is its own", at, err)
		}
		mustAppend(t, s, appendOf(1, completed(run)))
		came("effects", 5)
	})
}

// A batch that cannot be written says nothing about its last message, even if one
// failure were enough to give a message up.
func TestAFlushThatFailsBuriesNoMessage(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := feed.New(db.Open(t))
		withEffects(t, s)
		appendRuns(t, s, 3)
		cfg := config()
		cfg.Attempts = 1
		consume(t, s, cfg, keeping(func(positions []int64) error {
			if len(positions) > 1 {
				return errors.New("too many at once")
			}
			return nil
		}))
		assertEffects(t, s, 3)
		if letters, err := s.DeadLetters(t.Context()); len(letters) != 0 || err != nil {
			t.Errorf("dead letters %+v, %v", letters, err)
		}
	})
}

// What follows a failed message in its batch is not handed out in the transaction
// that was rolled back: the batch begins again.
func TestTheRestOfAFailedBatchIsNotHandedOut(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := feed.New(db.Open(t))
		withEffects(t, s)
		appendRuns(t, s, 4)
		handed := make(chan int64, 100)
		var failed atomic.Bool
		consume(t, s, config(), func(msg *message.Message) error {
			r, _ := feed.RecordedFromMessage(msg)
			handed <- r.Position
			if r.Position == 2 && !failed.Swap(true) {
				return errors.New("on purpose")
			}
			return effect(msg)
		})
		assertEffects(t, s, 4)
		close(handed)
		var order []int64
		for position := range handed {
			order = append(order, position)
		}
		if want := []int64{1, 2, 1, 2, 3, 4}; !slices.Equal(order, want) {
			t.Errorf("handed out %v, want %v", order, want)
		}
	})
}
