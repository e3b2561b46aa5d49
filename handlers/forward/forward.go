package forward

import (
	"context"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"golang.org/x/sync/errgroup"

	"scrapelog/eventstore"
	"scrapelog/eventstore/feed"
	"scrapelog/handlers/egress"
)

// Forwarder sends the log to the configured brokers. The fields are required.
type Forwarder struct {
	Config Config
	Rules  func() egress.Rules // asked for each connection
	Relay  func(ctx context.Context, r feed.Relay) error
}

// Run forwards until ctx ends.
func (f Forwarder) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	if n := f.Config.NATS; !n.none() {
		group.Go(func() error { return f.relay(ctx, n.name(), n.Begin, natsBroker{n, f.Rules}) })
	}
	if k := f.Config.Kafka; !k.none() {
		group.Go(func() error { return f.relay(ctx, k.name(), k.Begin, kafkaBroker{k, f.Rules}) })
	}
	return group.Wait()
}

func (f Forwarder) relay(ctx context.Context, name string, begin Begin, b broker) error {
	s := &sender{broker: b, open: ctx}
	defer s.close()
	return f.Relay(ctx, feed.Relay{Name: name, From: begin.position(), Send: s.send})
}

// broker is where events go.
type broker interface {
	// open connects.
	open(ctx context.Context) (message.Publisher, error)
	// topic is where the events of a stream of the log go.
	topic(stream string) string
	// explain adds to an error of publishing what can be done about it.
	explain(err error) error
}

// atMost bounds how long the events of a batch may take, beside the last of them.
const atMost = 3 * time.Second

// sender publishes events one after the other, over one connection. One that has failed is
// dropped, so that nothing that it holds back is sent later.
type sender struct {
	broker
	open      context.Context
	publisher message.Publisher // nil: there is no connection
}

// send implements feed.Relay.Send.
func (s *sender) send(_ context.Context, events []eventstore.Recorded) (confirmed int, err error) {
	began := time.Now()
	if s.publisher == nil {
		if s.publisher, err = s.broker.open(s.open); err != nil {
			return 0, err
		}
	}
	for i, e := range events {
		if time.Since(began) > atMost {
			return i, nil
		}
		if err := s.publish(e); err != nil {
			s.close()
			return i, err
		}
	}
	return len(events), nil
}

// Names in the metadata of a message.
const (
	contentType = "content-type"
	streamOf    = "stream"
)

func (s *sender) publish(e eventstore.Recorded) error {
	m, err := messageOf(e)
	if err != nil {
		return err
	}
	return s.explain(s.publisher.Publish(s.topic(e.Stream), m))
}

func messageOf(e eventstore.Recorded) (*message.Message, error) {
	body, err := e.CloudEvent()
	if err != nil {
		return nil, fmt.Errorf("event %d: %w", e.Position, err)
	}
	m := message.NewMessage(e.ID.String(), body)
	m.Metadata.Set(streamOf, e.Stream)
	m.Metadata.Set(contentType, "application/cloudevents+json; charset=UTF-8")
	return m, nil
}

func (s *sender) close() {
	if s.publisher != nil {
		_ = s.publisher.Close() // nothing waits in it
		s.publisher = nil
	}
}
