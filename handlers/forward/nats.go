package forward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	jet "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill/message"
	nats "github.com/nats-io/nats.go"

	"scrapelog/handlers/egress"
)

// timeout bounds a connection, and an acknowledgement. Both together must stay below the
// 10 s of feed.Relay.Send.
const timeout = 3 * time.Second

// natsBroker publishes to a JetStream stream: an event on the subject STREAM.stream-of-the-log,
// with its id as the id by which the server drops what it has seen within its window.
type natsBroker struct {
	NATS
	rules func() egress.Rules
}

// open implements broker.
func (b natsBroker) open(ctx context.Context) (message.Publisher, error) {
	servers, err := b.servers()
	if err != nil {
		return nil, err
	}
	options := []nats.Option{
		nats.Name("scrapelog"), nats.Timeout(timeout), nats.NoReconnect(), nats.SkipHostLookup(),
		nats.SetCustomDialer(netDialer{ctx, egress.Dialer{Rules: b.rules, Timeout: timeout}}),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // else it is printed
	}
	if b.Credentials != "" {
		options = append(options, nats.UserCredentials(b.Credentials))
	}
	conn, err := nats.Connect(servers, options...)
	if err != nil {
		return nil, fmt.Errorf("NATS cannot be reached: %w", err)
	}
	if err := b.ensure(conn); err != nil {
		conn.Close()
		return nil, err
	}
	publisher, err := jet.NewPublisherWithNatsConn(conn, jet.PublisherPublishConfig{
		Marshaler: &jet.NATSMarshaler{}, SubjectCalculator: jet.DefaultSubjectCalculator,
		JetStream: jet.JetStreamConfig{
			TrackMsgId: true, ConnectOptions: []nats.JSOpt{nats.MaxWait(timeout)}, PublishOptions: []nats.PubOpt{nats.ExpectStream(b.Stream)},
		},
	}, nil)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("NATS cannot be used: %w", err)
	}
	stop := context.AfterFunc(ctx, conn.Close) // Publish knows no context
	conn.SetClosedHandler(func(*nats.Conn) { stop() })
	return publisher, nil
}

// ensure makes the stream if there is none. The one that is there may be made by others,
// with limits and replicas of their choice.
func (b natsBroker) ensure(conn *nats.Conn) error {
	js, err := conn.JetStream(nats.MaxWait(timeout))
	if err != nil {
		return fmt.Errorf("JetStream cannot be used: %w", err)
	}
	_, err = js.StreamInfo(b.Stream)
	if errors.Is(err, nats.ErrStreamNotFound) {
		_, err = js.AddStream(&nats.StreamConfig{Name: b.Stream, Subjects: []string{b.Stream + ".>"}, Description: "The log of scrapelog"})
	}
	if err != nil {
		return fmt.Errorf("the JetStream stream %s cannot be used: %w", b.Stream, err)
	}
	return nil
}

// topic implements broker. The streams of the log have no dots in their names.
func (b natsBroker) topic(stream string) string { return b.Stream + "." + stream }

// explain implements broker.
func (b natsBroker) explain(err error) error {
	if errors.Is(err, nats.ErrNoStreamResponse) {
		return fmt.Errorf("%w; the stream %s must take the subjects %s.>", err, b.Stream, b.Stream)
	}
	return err
}

// netDialer connects within the egress rules, for clients that know no context.
type netDialer struct {
	ctx context.Context
	egress.Dialer
}

// Dial implements nats.CustomDialer and proxy.Dialer.
func (d netDialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(d.ctx, network, address)
}
