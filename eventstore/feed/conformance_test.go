package feed_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"
	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/feed"
)

// TestConformance runs watermill's own suite for a publisher and a subscriber, with
// the features that the feed claims. A topic is a stream. Only the subscriber is
// under test: events are appended, not published, and the publisher is the test's.
func TestConformance(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := &suite{dialect: db.Dialect}
		features := tests.Features{
			ConsumerGroups: true, ExactlyOnceDelivery: true, GuaranteedOrder: true, Persistent: true,
			GenerateTopicFunc: func(tests.TestContext) string { return "run-" + uuid.NewString() },
			// On SQLite a consumer of a group has the one writer as long as it has a
			// message, and another one cannot even subscribe meanwhile.
			RequireSingleInstance: db.Dialect == eventstore.SQLite,
			ForceShort:            true, // ten messages instead of a hundred, in transactions that reach the disk
		}
		tests.TestPubSub(t, features,
			func(t *testing.T) (message.Publisher, message.Subscriber) { return s.pair(t, "conformance") }, s.pair)
	})
}

// suite gives each of the suite's tests a database of its own, since a handler
// that never settles holds the one writer of SQLite.
type suite struct {
	dialect eventstore.Dialect
	mu      sync.Mutex
	stores  map[string]*feed.Feed
}

func (s *suite) store(t *testing.T) *feed.Feed {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stores == nil {
		s.stores = map[string]*feed.Feed{}
	}
	if s.stores[t.Name()] == nil {
		db := eventstoretest.SQLite
		if s.dialect == eventstore.Postgres {
			db = eventstoretest.Postgres
		}
		s.stores[t.Name()] = feed.New(db(t).Open(t))
	}
	return s.stores[t.Name()]
}

func (s *suite) pair(t *testing.T, group string) (message.Publisher, message.Subscriber) {
	store := s.store(t)
	sub, err := store.Subscriber(feed.Config{
		Group: group, Backoff: 10 * time.Millisecond, Attempts: 1000, HandlerTimeout: time.Second, Poll: 50 * time.Millisecond,
	}, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	return &publisher{store: store}, &unwrapping{Subscriber: sub, t: t}
}

// unwrapping hands out a message for each event of a batch, one after the other, with the
// event's own payload and id. watermill's decorator waits for ever with a message that
// its reader has left behind, and Close with it: this one drops the message when the feed
// does.
type unwrapping struct {
	message.Subscriber
	t       *testing.T
	seen    atomic.Int64
	running sync.WaitGroup
}

func (u *unwrapping) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	in, err := u.Subscriber.Subscribe(ctx, topic)
	if err != nil {
		return nil, err
	}
	out := make(chan *message.Message)
	u.running.Go(func() {
		defer close(out)
		for m := range in {
			if u.hand(m, out) {
				m.Ack()
			} else {
				m.Nack()
			}
		}
	})
	return out, nil
}

// hand hands out the events of a batch until one is not acked.
func (u *unwrapping) hand(m *message.Message, out chan<- *message.Message) bool {
	batch, err := feed.Events(m)
	if err != nil {
		u.t.Error(err)
	}
	for _, e := range batch {
		u.seen.Add(1)
		var o opaque
		if err := json.Unmarshal(e.Data, &o); err != nil {
			u.t.Error(err)
		}
		one := message.NewMessage(o.UUID, o.Payload)
		maps.Copy(one.Metadata, feed.MessageOf([]feed.Event{e}).Metadata)
		one.SetContext(m.Context())
		select {
		case out <- one:
		case <-m.Context().Done():
			return false
		}
		select {
		case <-one.Acked():
		case <-one.Nacked():
			return false
		case <-m.Context().Done():
			return false
		}
	}
	return true
}

func (u *unwrapping) Close() error {
	err := u.Subscriber.Close()
	u.running.Wait()
	return err
}

// TestCloseWithoutAReader: a message that nobody takes, and that is delivered again
// and again, keeps no subscriber from closing.
func TestCloseWithoutAReader(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		pub, sub := (&suite{dialect: db.Dialect}).pair(t, "nobody")
		topic := "run-" + uuid.NewString()
		if _, err := sub.Subscribe(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
		if err := pub.Publish(topic, message.NewMessage(uuid.NewString(), []byte("x"))); err != nil {
			t.Fatal(err)
		}
		await(t, func() bool { return sub.(*unwrapping).seen.Load() > 1 }) // it has come again
		closed := make(chan error, 1)
		go func() { closed <- sub.Close() }()
		select {
		case err := <-closed:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Fatal("it does not close")
		}
	})
}

// opaque is an event whose payload means nothing to us.
type opaque struct {
	domain.AboutRun `json:"-"` // seals domain.Event
	Topic           string     `json:"topic"`
	UUID            string     `json:"uuid"` // which the suite uses for several topics
	Payload         []byte     `json:"payload"`
}

func (opaque) EventType() string   { return "test.opaque" }
func (o opaque) Stream() string    { return o.Topic }
func (opaque) ScraperName() string { return "none" }

// publisher appends messages as events at the end of their stream.
type publisher struct {
	store  *feed.Feed
	closed atomic.Bool
}

func (p *publisher) Publish(topic string, messages ...*message.Message) error {
	if p.closed.Load() {
		return errors.New("publisher is closed")
	}
	a := eventstore.Append{Stream: topic}
	for _, m := range messages {
		id := uuid.NewSHA1(uuid.NameSpaceOID, []byte(topic+m.UUID))
		e := opaque{Topic: topic, UUID: m.UUID, Payload: m.Payload}
		a.Events = append(a.Events, eventstore.NewEvent{ID: id, Event: e, Metadata: eventstore.Metadata(m.Metadata)})
	}
	for {
		last, err := p.store.Read(context.Background(), eventstore.Query{Stream: topic, Backward: true, Limit: 1})
		if err != nil {
			return err
		}
		if a.Expected = 0; len(last) > 0 {
			a.Expected = last[0].Version
		}
		if _, err := p.store.Append(context.Background(), a); !errors.Is(err, eventstore.ErrConflict) {
			return err
		}
	}
}

func (p *publisher) Close() error {
	p.closed.Store(true)
	return nil
}
