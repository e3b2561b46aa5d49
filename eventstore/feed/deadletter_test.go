package feed_test

import (
	"context"
	"errors"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/feed"
)

func TestDeadLetterIsReplayedOnce(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := feed.New(db.Open(t))
		withEffects(t, s)
		appendRuns(t, s, 2)
		stop := consume(t, s, config(), func(msg *message.Message) error {
			if r, _ := feed.RecordedFromMessage(msg); r.Position == 1 {
				return errors.New("poison")
			}
			return effect(msg)
		})
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := s.WaitFor(ctx, "effects", 2); err != nil {
			t.Fatal(err)
		}
		stop()

		fault := errors.New("still poison")
		replay := func(then error) error {
			return s.ReplayDeadLetter(ctx, "effects", 1, func(ctx context.Context, r eventstore.Recorded) error {
				tx, ok := eventstore.TxFrom(ctx)
				if !ok {
					return errors.New("the replay carries no transaction")
				}
				_, err := tx.ExecContext(ctx, `INSERT INTO effects VALUES ($1)`, r.Position)
				return errors.Join(err, then)
			})
		}
		if err := replay(fault); !errors.Is(err, fault) {
			t.Errorf("a replay that fails: got %v", err)
		}
		if letters, err := s.DeadLetters(ctx); len(letters) != 1 || err != nil {
			t.Errorf("after a replay that failed: %v, %v; want the letter", letters, err)
		}
		if err := replay(nil); err != nil {
			t.Fatal(err)
		}
		assertEffects(t, s, 2)
		if letters, err := s.DeadLetters(ctx); len(letters) != 0 || err != nil {
			t.Errorf("after the replay: %v, %v; want none", letters, err)
		}
		if err := replay(nil); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("a second replay: got %v, want ErrNotFound", err)
		}
	})
}
