package outbox_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/outbox"
)

var at = time.Date(2026, 11, 1, 2, 0, 0, 0, time.UTC)

// notice returns a pending notice of a subject.
func notice(subject string) outbox.Notice {
	return outbox.Notice{
		ID: uuid.New(), Channel: "ops", Kind: outbox.KindFailing, Type: "failing.started", Subject: subject, Position: 7,
		State: outbox.StatePending, Open: true, Body: []byte(`{"data":{"title":"shop is failing"}}`), CreatedAt: at, NextAttempt: at,
	}
}

// box is an outbox and what the tests do with it, at a time of their choice.
type box struct {
	*testing.T
	*outbox.Outbox
}

func each(t *testing.T, f func(b box)) {
	t.Helper()
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) { f(box{t, outbox.New(db.Open(t))}) })
}

func (b box) add(notices ...outbox.Notice) {
	b.Helper()
	if err := b.Add(b.Context(), notices...); err != nil {
		b.Fatal(err)
	}
}

func (b box) claim(instance string, now time.Time) (outbox.Notice, bool) {
	b.Helper()
	n, ok, err := b.Claim(b.Context(), "ops", instance, now)
	if err != nil {
		b.Fatal(err)
	}
	return n, ok
}

func (b box) settle(n outbox.Notice, instance string) {
	b.Helper()
	if err := b.Settle(b.Context(), n, instance); err != nil {
		b.Fatal(err)
	}
}

func (b box) get(id uuid.UUID) outbox.Notice {
	b.Helper()
	n, err := b.Get(b.Context(), id)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

func TestANoticeIsClaimedOnceAndInTheOrderOfItsSubject(t *testing.T) {
	each(t, func(b box) {
		first, second, other := notice("failing:shop"), notice("failing:shop"), notice("failing:news")
		b.add(first, second, other)
		b.add(first) // once more
		one, ok := b.claim("a", at)
		if !ok || one.ID != first.ID || one.Attempts != 1 || one.Title() != "shop is failing" {
			t.Fatalf("claimed %+v, want the first", one)
		}
		two, ok := b.claim("b", at)
		if !ok || two.ID != other.ID {
			t.Fatalf("claimed %+v, want the one of the other subject", two)
		}
		if third, ok := b.claim("c", at); ok {
			t.Fatalf("claimed %+v before the first of its subject was sent", third)
		}
		one.State, one.SentAt = outbox.StateSent, at
		b.settle(one, "a")
		if got := b.get(first.ID); got.State != outbox.StateSent || !got.SentAt.Equal(at) {
			t.Errorf("settled as %+v", got)
		}
		if next, ok := b.claim("c", at); !ok || next.ID != second.ID {
			t.Errorf("claimed %+v, want the second", next)
		}
	})
}

func TestAClaimEndsWithItsLease(t *testing.T) {
	each(t, func(b box) {
		n := notice("failing:shop")
		b.add(n)
		late, _ := b.claim("a", at)
		if _, ok := b.claim("b", at.Add(outbox.Lease-time.Second)); ok {
			t.Error("claimed twice within the lease")
		}
		if _, ok := b.claim("b", at.Add(outbox.Lease)); !ok {
			t.Error("not claimed after the lease")
		}
		late.State, late.LastError = outbox.StateGivenUp, "a has failed"
		b.settle(late, "a")
		if got := b.get(n.ID); got.State != outbox.StatePending {
			t.Errorf("an instance that lost its claim has settled it: %+v", got)
		}
	})
}

func TestTheNoticesOfADeadInstanceAreClaimedAtOnce(t *testing.T) {
	each(t, func(b box) {
		b.add(notice("failing:shop"))
		b.claim("dead", at)
		if err := b.Unclaim(b.Context(), at); err != nil {
			t.Fatal(err)
		}
		if n, ok := b.claim("b", at); !ok || n.Attempts != 2 {
			t.Errorf("claimed %+v, %v", n, ok)
		}
	})
}

func TestAClockThatIsSetBackDelaysNothing(t *testing.T) {
	each(t, func(b box) {
		b.add(notice("failing:shop"))
		if _, ok := b.claim("a", at.Add(-time.Minute)); ok {
			t.Error("claimed before it was due")
		}
		if _, ok := b.claim("a", at.Add(-24*time.Hour)); !ok {
			t.Error("not claimed, by a clock that was set back by a day")
		}
	})
}

func TestRetryOfWhatWasGivenUp(t *testing.T) {
	each(t, func(b box) {
		n := notice("failing:shop")
		b.add(n)
		claimed, _ := b.claim("a", at)
		claimed.State, claimed.LastError, claimed.Waited = outbox.StateGivenUp, "HTTP 500", 24*time.Hour
		b.settle(claimed, "a")
		if given, err := b.GivenUp(b.Context()); err != nil || given != 1 {
			t.Errorf("%d given up, %v", given, err)
		}
		again, err := b.Retry(b.Context(), n.ID, at)
		if err != nil || again.State != outbox.StatePending || again.Waited != 0 || again.Attempts != 0 || again.LastError != "HTTP 500" {
			t.Errorf("%+v, %v", again, err)
		}
		sent, _ := b.claim("a", at)
		sent.State = outbox.StateSent
		b.settle(sent, "a")
		if _, err := b.Retry(b.Context(), n.ID, at); !errors.Is(err, domain.ErrConflict) {
			t.Errorf("a sent notice is retried: %v", err)
		}
		if _, err := b.Retry(b.Context(), uuid.New(), at); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("an unknown notice is retried: %v", err)
		}
	})
}

func TestAGroupAndAChannelBeginAtTheEndOfTheLog(t *testing.T) {
	each(t, func(b box) {
		began := 0
		begin := func(context.Context) ([]outbox.Mark, error) {
			began++
			return []outbox.Mark{{Scraper: "shop", Kind: outbox.KindFailing}}, nil
		}
		for range 2 {
			if err := b.Begin(b.Context(), "notices", begin); err != nil {
				t.Fatal(err)
			}
		}
		marks, err := b.Marks(b.Context(), "shop", "news")
		if err != nil || len(marks) != 1 || !marks[outbox.Mark{Scraper: "shop", Kind: outbox.KindFailing}] || began != 1 {
			t.Errorf("marks %v, begun %d times, %v", marks, began, err)
		}
		if since, err := b.Since(b.Context(), "ops"); err != nil || since != 0 {
			t.Errorf("since %d, %v", since, err)
		}
	})
}

func TestForgetKeepsWhatIsStillTrue(t *testing.T) {
	each(t, func(b box) {
		open, pending, done := notice("failing:a"), notice("failing:b"), notice("failing:c")
		open.State, done.State, done.Open, pending.Open = outbox.StateSent, outbox.StateSent, false, false
		b.add(open, pending, done)
		if err := b.Forget(b.Context(), at.Add(31*24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		left, err := b.List(b.Context(), outbox.Filter{Limit: 10})
		if err != nil || len(left) != 2 || left[0].ID != pending.ID || left[1].ID != open.ID {
			t.Errorf("left %+v, %v", left, err)
		}
	})
}
