package feed_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/feed"
)

func TestCommitWakesTheFeed(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		reader, writer := feed.New(db.Open(t)), feed.New(db.Open(t))
		if db.Dialect == eventstore.SQLite {
			writer = reader // another process is heard of by the poll only
		}
		withEffects(t, reader)
		consume(t, reader, config(), effect) // polls once an hour
		for n := range int64(20) {
			appendRuns(t, writer, 1)
			assertEffects(t, reader, n+1)
		}
	})
}

func TestAppendInAHandlerCommitsWithTheOffset(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := feed.New(db.Open(t))
		run := uuid.New()
		var tries atomic.Int64
		consume(t, s, config(), func(msg *message.Message) error {
			if r, _ := feed.RecordedFromMessage(msg); r.Position > 1 {
				return nil
			}
			if _, err := s.Append(msg.Context(), appendOf(1, completed(run))); err != nil {
				return err
			}
			if tries.Add(1) < 3 {
				return errors.New("on purpose")
			}
			return nil
		})
		others := config()
		others.Group = "others"
		consume(t, s, others, func(*message.Message) error { return nil })
		mustAppend(t, s, appendOf(0, started(run)))
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		for _, group := range []string{"effects", "others"} { // both woken by the append in the handler
			if err := s.WaitFor(ctx, group, 2); err != nil {
				t.Fatalf("group %s: %v", group, err)
			}
		}
		if head, err := s.Head(t.Context()); head != 2 || err != nil {
			t.Errorf("the log ends at %d: %v", head, err)
		}
	})
}

func TestTwoInstancesShareAGroup(t *testing.T) {
	db := eventstoretest.Postgres(t)
	a, b := feed.New(db.Open(t)), feed.New(db.Open(t))
	withEffects(t, a)
	stop := consume(t, a, config(), effect)
	consume(t, b, config(), effect)
	for range 5 {
		appendRuns(t, a, 20)
	}
	stop()
	appendRuns(t, a, 20)
	assertEffects(t, b, 120)
}

func TestSubscriberNeedsAGroup(t *testing.T) {
	s := feed.New(eventstoretest.SQLite(t).Open(t))
	if _, err := s.Subscriber(feed.Config{}, nil); err == nil {
		t.Error("a subscriber without a group was made")
	}
}
