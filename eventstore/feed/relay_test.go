package feed_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/feed"
)

// bus is another system. It takes events while it is not away.
type bus struct {
	mu      sync.Mutex
	taken   []int64
	away    error
	refuses int64 // a position
	tries   int
	sending int
	crowded bool // two instances have sent at the same time
}

func (b *bus) send(_ context.Context, events []eventstore.Recorded) (confirmed int, err error) {
	b.mu.Lock()
	b.tries++
	b.sending++
	b.crowded = b.crowded || b.sending > 1
	b.mu.Unlock()
	time.Sleep(time.Millisecond) // another instance may come meanwhile
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sending--
	for i, e := range events {
		if b.away != nil {
			return i, b.away
		}
		if e.Position == b.refuses {
			return i, errors.New("refused")
		}
		b.taken = append(b.taken, e.Position)
	}
	return len(events), nil
}

func (b *bus) set(away error, refuses int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away, b.refuses = away, refuses
}

func (b *bus) has(positions ...int64) func() bool {
	return func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return slices.Equal(b.taken, positions)
	}
}

func (b *bus) tried(n int) func() bool {
	return func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.tries >= n
	}
}

// relay runs a relay to the bus until the test or stop ends it.
func (b *bus) relay(t *testing.T, s *feed.Feed, from int64) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- s.Relay(ctx, feed.Relay{
			Name: "bus", From: from, Send: b.send, Backoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond, Poll: 10 * time.Millisecond,
		})
	}()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("relay: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func begun(t *testing.T, s *feed.Feed, at int64) func() bool {
	return func() bool {
		groups, err := s.Relays(t.Context())
		return err == nil && len(groups) == 1 && groups[0].Position == at
	}
}

// appendRelayed appends an event of a run of its own.
func appendRelayed(t *testing.T, s *feed.Feed, n int) {
	t.Helper()
	for range n {
		mustAppend(t, s, appendOf(0, started(uuid.New())))
	}
}

func TestARelayBeginsWhereItIsToldAndGoesOnWhereItWas(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := feed.New(db.Open(t))
		appendRelayed(t, s, 2)
		now := &bus{}
		stop := now.relay(t, s, 0)
		await(t, begun(t, s, 2))
		appendRelayed(t, s, 1)
		await(t, now.has(3))
		stop()
		appendRelayed(t, s, 1)
		now.relay(t, s, 1) // it has begun before
		await(t, now.has(3, 4))
		await(t, begun(t, s, 4))
		if groups, err := s.GroupStates(t.Context()); len(groups) != 0 || err != nil {
			t.Errorf("groups are %v, %v; want none: pages wait for those", groups, err)
		}
		if groups, err := feed.New(s.Store).Relays(t.Context()); len(groups) != 0 || err != nil {
			t.Errorf("a process without the relay shows %v, %v", groups, err)
		}

		all := &bus{}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = s.Relay(ctx, feed.Relay{Name: "all", From: 2, Send: all.send}) }()
		await(t, all.has(2, 3, 4))
	})
}

// TestARelayWaitsForTheOtherSystem: its failure is logged once, shown where every process
// sees it, and keeps nothing waiting.
func TestARelayWaitsForTheOtherSystem(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		var log lines
		store, err := eventstore.Open(t.Context(), eventstore.Config{URL: db.URL, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		s := feed.New(store)
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		b := &bus{away: errors.New("nobody answers")}
		defer b.relay(t, s, 1)()
		appendRelayed(t, s, 3)
		await(t, b.tried(5))
		groups, err := s.Relays(t.Context())
		if err != nil || len(groups) != 1 {
			t.Fatalf("relays are %v, %v", groups, err)
		}
		if g := groups[0]; g.Name != "forward:bus" || g.Position != 0 || g.Lag != 3 || g.BlockedBy != "position 1: nobody answers" || g.Failed.Position != 1 || g.Failed.Times < 4 {
			t.Errorf("the relay is %+v", g)
		}
		b.set(nil, 3) // the two before it go
		await(t, b.has(1, 2))
		await(t, begun(t, s, 2))
		b.set(nil, 0)
		await(t, b.has(1, 2, 3))
		await(t, func() bool {
			groups, err := s.Relays(t.Context())
			return err == nil && groups[0].Lag == 0 && groups[0].BlockedBy == ""
		})
		await(t, func() bool { return strings.Contains(log.String(), "events are forwarded again") })
		if warned := strings.Count(log.String(), "level=WARN"); warned != 1 {
			t.Errorf("%d warnings, want one:\n%s", warned, &log)
		}
	})
}

// TestOneInstanceRelaysAtATime lets four try.
func TestOneInstanceRelaysAtATime(t *testing.T) {
	db, b := eventstoretest.Postgres(t), &bus{}
	var want []int64
	for range 4 {
		b.relay(t, feed.New(db.Open(t)), 1)
	}
	s := feed.New(db.Open(t))
	for position := range int64(60) {
		appendRelayed(t, s, 1)
		want = append(want, position+1)
	}
	await(t, func() bool { b.mu.Lock(); defer b.mu.Unlock(); return len(b.taken) >= len(want) })
	if !b.has(want...)() || b.crowded {
		t.Errorf("taken %v, two at once: %v", b.taken, b.crowded)
	}
}

// lines is what a logger has written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

var _ fmt.Stringer = (*lines)(nil)
