package feed_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/feed"
)

// TestMessageThatNobodyTakes: a consumer that does not read its channel keeps
// nobody else from writing, costs the message no attempt, and is handed it as
// soon as it reads.
func TestMessageThatNobodyTakes(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		said := &text{}
		log, err := eventstore.Open(t.Context(), eventstore.Config{URL: db.URL, Logger: slog.New(slog.NewTextHandler(said, nil))})
		if err != nil {
			t.Fatal(err)
		}
		s := feed.New(log)
		t.Cleanup(func() { _ = s.Close() })
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		cfg := config()
		cfg.HandlerTimeout, cfg.Attempts, cfg.Batch = 200*time.Millisecond, 3, 1
		sub, err := s.Subscriber(cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = sub.Close() })
		messages, err := sub.Subscribe(context.WithoutCancel(t.Context()), eventstore.Topic)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		for range 3 { // one is offered while the others are written
			if _, err := s.Append(ctx, appendOf(0, started(uuid.New()))); err != nil {
				t.Fatal(err)
			}
		}
		await(t, func() bool { return strings.Count(said.String(), "no consumer has received the event") > cfg.Attempts })
		if _, err := s.Append(ctx, appendOf(0, started(uuid.New()))); err != nil {
			t.Fatal(err)
		}
		for position := int64(1); position <= 4; {
			select {
			case msg := <-messages:
				r, err := feed.RecordedFromMessage(msg)
				if err != nil || r.Position > position {
					t.Fatalf("handed %d, %v; want %d", r.Position, err, position)
				}
				msg.Ack()
				position = r.Position + 1
			case <-ctx.Done():
				t.Fatalf("position %d was not offered again", position)
			}
		}
		if err := s.WaitFor(ctx, cfg.Group, 4); err != nil {
			t.Fatal(err)
		}
		if letters, err := s.DeadLetters(ctx); len(letters) > 0 || err != nil {
			t.Errorf("dead letters %+v, %v", letters, err)
		}
	})
}

// text is what was logged.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *text) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *text) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
