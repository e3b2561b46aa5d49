package feed_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/feed"
)

// What went wrong last is known after the group went on, too.
func TestTheLastFailureIsKept(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s, began := feed.New(db.Open(t)), time.Now()
		appendRuns(t, s, 5)
		var failed atomic.Int64
		consume(t, s, config(), func(msg *message.Message) error {
			if r, _ := feed.RecordedFromMessage(msg); r.Position == 3 && failed.Add(1) <= 2 {
				return errors.New("not today")
			}
			return nil
		})
		last := awaitGroup(t, s, func(g feed.Group) bool { return g.Position == 5 }).Failed
		if last.Position != 3 || last.Times != 2 || last.Reason != "not today" || last.At.Before(began) {
			t.Errorf("%+v", last)
		}
		groups, err := feed.New(db.Open(t)).GroupStates(t.Context()) // what another process has seen is its own
		if err != nil || len(groups) != 1 || groups[0].Failed != (feed.Failure{}) {
			t.Errorf("%+v, %v", groups, err)
		}
	})
}
