package feed

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wsql "github.com/ThreeDotsLabs/watermill-sql/v3/pkg/sql"
	"github.com/ThreeDotsLabs/watermill/message"
)

// subscription is one consumer of a group. Two goroutines share it:
// watermill-sql's, which reads batches and begins transactions (see begin.go) and
// acks them, and ours, which hands out the message of each batch and decides how its
// transaction ends. They take turns and never work at once: watermill-sql's waits
// from the moment it sends a message until ours has acked it, and ours then waits
// for the next message. So round and standing need no lock.
type subscription struct {
	feed  *Feed
	cfg   Config
	topic string
	inner *wsql.Subscriber

	stopping   context.Context
	stop       context.CancelFunc
	innerClose sync.Once
	ended      chan struct{}
	wake       <-chan struct{}
	unwake     func()

	round    *round // nil: none has begun, or it was rolled back
	standing standing
}

func (s *subscription) log() *slog.Logger { return s.feed.Logger() }

// forever replaces watermill-sql's ack deadline, which would commit what an
// overstaying handler wrote, without its ack. HandlerTimeout takes its place.
const forever = 365 * 24 * time.Hour

func newSubscription(feed *Feed, cfg Config, topic string, logger watermill.LoggerAdapter) (*subscription, error) {
	s := &subscription{feed: feed, cfg: cfg, topic: topic, ended: make(chan struct{})}
	deadline := forever
	inner, err := wsql.NewSubscriber(beginner{feed.Writer(), s}, wsql.SubscriberConfig{
		ConsumerGroup:  cfg.Group,
		AckDeadline:    &deadline,
		BackoffManager: s,
		SchemaAdapter:  schema{s},
		OffsetsAdapter: offsets{feed.Dialect()},
	}, logger)
	if err != nil {
		return nil, fmt.Errorf("feed of %s: %w", cfg.Group, err)
	}
	s.inner = inner
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.wake, s.unwake = feed.Wake()
	return s, nil
}

func (s *subscription) run(in <-chan *message.Message, out chan<- *message.Message) {
	defer close(out)
	for msg := range in {
		s.deliver(msg, out)
	}
	s.end()
}

func (s *subscription) end() {
	s.endRound()
	s.unwake()
	close(s.ended)
}

// closeInner closes the inner subscriber. It must not be called between an ack and
// the moment when watermill-sql receives it: watermill-sql would choose between
// the two at random, and might commit the rows without the offset.
func (s *subscription) closeInner() { s.innerClose.Do(func() { go func() { _ = s.inner.Close() }() }) }

// deliver returns when the batch is settled or the subscription stops.
func (s *subscription) deliver(msg *message.Message, out chan<- *message.Message) {
	r := s.round
	if s.stopping.Err() != nil {
		s.leave(r)
		return
	}
	if reason := s.givenUp(r); reason != nil {
		s.settle(r, msg, s.bury(msg.Context(), r, reason))
		return
	}
	if len(r.events) == 0 {
		s.settle(r, msg, nil)
		return
	}
	delivered, err := s.handle(r, msg, out)
	if !delivered {
		s.leave(r)
		return
	}
	s.settle(r, msg, err)
}

// leave stops before a batch: the next consumer of the group is handed it.
func (s *subscription) leave(r *round) {
	r.rollBack()
	s.closeInner()
}

// handle hands out the batch and waits until it is settled. The message is a new
// one, so that nothing that the consumer does to it reaches watermill-sql.
func (s *subscription) handle(r *round, msg *message.Message, out chan<- *message.Message) (delivered bool, err error) {
	if err := r.events[0].err; err != nil {
		return true, err
	}
	verdict := &verdict{}
	ctx := context.WithValue(r.context(msg.Context()), verdictKey{}, verdict)
	ctx = context.WithValue(ctx, eventsKey{}, r.events)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	handed := messageOf(r.events)
	handed.SetContext(ctx)
	patience := time.NewTimer(s.cfg.HandlerTimeout)
	defer patience.Stop()
	select {
	case out <- handed:
	case <-patience.C: // on SQLite no other writer can begin meanwhile
		return true, fmt.Errorf("%w within %s", errNotTaken, s.cfg.HandlerTimeout)
	case <-s.stopping.Done():
		return false, nil
	}
	patience.Reset(s.cfg.HandlerTimeout)
	select {
	case <-handed.Acked():
		return true, nil
	case <-handed.Nacked():
		return true, verdict.reason()
	case <-patience.C:
		return true, fmt.Errorf("handler took longer than %s", s.cfg.HandlerTimeout)
	}
}

// settle acks the message. If the batch failed, or what the handler kept of it cannot
// be written, its transaction is rolled back first, with all that was written in it,
// and its events come again after a pause.
func (s *subscription) settle(r *round, msg *message.Message, err error) {
	if err == nil {
		err = r.flush(s.cfg.HandlerTimeout)
	}
	if err != nil {
		r.rollBack()
		s.round = nil
		s.failed(r, err, ownFault(err))
	} else {
		r.acked = r.last.Position
	}
	msg.Ack()
}
