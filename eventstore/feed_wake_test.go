package eventstore_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

func TestCommitWakesTheFeed(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		reader, writer := db.Open(t), db.Open(t)
		if db.Dialect == eventstore.SQLite {
			writer = reader // another process is heard of by the poll only
		}
		withEffects(t, reader)
		consume(t, reader, feed(), effect) // polls once an hour
		for n := range int64(20) {
			appendRuns(t, writer, 1)
			assertEffects(t, reader, n+1)
		}
	})
}

func TestAppendInAHandlerCommitsWithTheOffset(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		run := uuid.New()
		var tries atomic.Int64
		consume(t, s, feed(), func(msg *message.Message) error {
			if r, _ := eventstore.RecordedFromMessage(msg); r.Position > 1 {
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
		others := feed()
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
		assertGapFree(t, s, 2)
	})
}

func TestTwoInstancesShareAGroup(t *testing.T) {
	db := eventstoretest.Postgres(t)
	a, b := db.Open(t), db.Open(t)
	withEffects(t, a)
	stop := consume(t, a, feed(), effect)
	consume(t, b, feed(), effect)
	for range 5 {
		appendRuns(t, a, 20)
	}
	stop()
	appendRuns(t, a, 20)
	assertEffects(t, b, 120)
}

func TestSubscriberNeedsAGroup(t *testing.T) {
	s := eventstoretest.SQLite(t).Open(t)
	if _, err := s.Subscriber(eventstore.FeedConfig{}, nil); err == nil {
		t.Error("a subscriber without a group was made")
	}
}
