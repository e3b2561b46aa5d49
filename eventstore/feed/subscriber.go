package feed

import (
	"context"
	"errors"
	"sync"

	"scrapelog/eventstore"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
)

// subscriber decorates the subscriber of watermill-sql. Used bare, that one
// sends a refused message again in the same transaction and then commits what
// the refused attempt wrote, commits the rows without the offset when it is
// closed during a handler, and spins when a commit fails.
type subscriber struct {
	feed   *Feed
	cfg    Config
	logger watermill.LoggerAdapter

	mu      sync.Mutex
	closed  bool
	closing chan struct{}
	running sync.WaitGroup
}

var errClosed = errors.New("subscriber is closed")

// Subscribe implements message.Subscriber. A database that is away for a moment is
// waited for until ctx ends. When ctx ends, the handler that runs may settle, and
// the subscription stops at the end of its transaction.
func (s *subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	for round := 1; ; round++ {
		out, err := s.subscribe(ctx, topic)
		if err == nil || !eventstore.Transient(err) {
			return out, err
		}
		if round == 1 {
			s.feed.Logger().Warn("consumer group cannot subscribe, retrying", "group", s.cfg.Group, "error", err)
		}
		if !eventstore.Pause(ctx, min(s.cfg.Backoff<<min(round, 20), s.cfg.MaxBackoff)) {
			return nil, context.Cause(ctx)
		}
	}
}

func (s *subscriber) subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	sub, err := newSubscription(s.feed, s.cfg, topic, s.logger)
	if err != nil {
		return nil, err
	}
	in, err := sub.inner.Subscribe(context.WithoutCancel(ctx), topic)
	if err != nil {
		sub.end()
		return nil, err
	}
	out := make(chan *message.Message)
	s.running.Go(func() { sub.run(in, out) })
	s.running.Go(func() {
		select {
		case <-ctx.Done():
		case <-s.closing:
		case <-sub.ended:
		}
		sub.stop()
	})
	return out, nil
}

// Close returns when every subscription has stopped at the end of a transaction.
func (s *subscriber) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	s.mu.Unlock()
	s.running.Wait()
	return nil
}
