package forward

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"

	"scrapelog/eventstore"
	"scrapelog/handlers/egress"
	"scrapelog/handlers/egress/egresstest"
)

// mock is a broker of the client's own library. There is no broker of Kafka in Debian.
func mock(t *testing.T, answer sarama.KError) *sarama.MockBroker {
	t.Helper()
	broker := sarama.NewMockBroker(t, 1)
	broker.SetHandlerByMap(map[string]sarama.MockResponse{
		"ApiVersionsRequest": sarama.NewMockApiVersionsResponse(t).SetApiKeys([]sarama.ApiVersionsResponseKey{
			{ApiKey: 0, MinVersion: 3, MaxVersion: 3}, {ApiKey: 3, MinVersion: 1, MaxVersion: 5}, {ApiKey: 18, MaxVersion: 3},
		}),
		"MetadataRequest": sarama.NewMockMetadataResponse(t).SetBroker(broker.Addr(), broker.BrokerID()).
			SetLeader("scrapelog", 0, broker.BrokerID()).SetLeader("scrapelog", 1, broker.BrokerID()),
		"ProduceRequest": sarama.NewMockProduceResponse(t).SetError("scrapelog", 0, answer).SetError("scrapelog", 1, answer),
	})
	return broker
}

func kafkaSender(t *testing.T, brokers ...string) *sender {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	b := kafkaBroker{Kafka{Brokers: brokers, Topic: "scrapelog"}, func() egress.Rules { return egress.Rules{} }}
	s := &sender{broker: b, open: ctx}
	t.Cleanup(func() { s.close(); cancel() })
	return s
}

func recorded(streams ...string) (events []eventstore.Recorded) {
	for i, stream := range streams {
		events = append(events, eventstore.Recorded{
			Position: int64(i + 1), Stream: stream, Version: 1, ID: uuid.New(), Type: "run.started", RecordedAt: time.Now(), Data: json.RawMessage(`{"a":1}`),
		})
	}
	return events
}

func TestEventsGoToKafkaWithTheirStreamAsKey(t *testing.T) {
	broker := mock(t, sarama.ErrNoError)
	defer broker.Close()
	events := recorded("run-1", "run-2", "run-1")
	checkMessages(t, events)
	s := kafkaSender(t, broker.Addr())
	if n, err := s.send(t.Context(), events); n != 3 || err != nil {
		t.Fatalf("sent %d, %v", n, err)
	}
	produced := 0
	for _, h := range broker.History() {
		if r, ok := h.Request.(*sarama.ProduceRequest); ok {
			produced++
			if r.RequiredAcks != sarama.WaitForAll {
				t.Errorf("it waits for %d replicas, want all", r.RequiredAcks)
			}
		}
	}
	if produced != 3 {
		t.Errorf("%d requests, want one for each event", produced)
	}
}

// checkMessages looks at the messages that the client is given.
func checkMessages(t *testing.T, events []eventstore.Recorded) {
	t.Helper()
	for _, e := range events {
		m, err := messageOf(e)
		if err != nil {
			t.Fatal(err)
		}
		p, err := keyed{}.Marshal("scrapelog", m)
		if err != nil {
			t.Fatal(err)
		}
		key, _ := p.Key.Encode()
		value, _ := p.Value.Encode()
		var body struct{ ID, Subject string }
		if err := json.Unmarshal(value, &body); err != nil || string(key) != e.Stream || body.Subject != e.Stream || body.ID != e.ID.String() || m.UUID != body.ID {
			t.Errorf("message is %s: %s, %v", key, value, err)
		}
		if len(p.Headers) != 1 || string(p.Headers[0].Key) != "content-type" || !strings.HasPrefix(string(p.Headers[0].Value), "application/cloudevents+json") {
			t.Errorf("headers are %v", p.Headers)
		}
	}
}

func TestKafkaConfirmsNothingThatItRefuses(t *testing.T) {
	short := mock(t, sarama.ErrNotEnoughReplicas)
	defer short.Close()
	s := kafkaSender(t, short.Addr())
	if n, err := s.send(t.Context(), recorded("run-1")); n != 0 || err == nil || !strings.Contains(err.Error(), "in-sync replicas") {
		t.Errorf("sent %d, %v", n, err)
	}
	if s.publisher != nil {
		t.Error("the connection is kept, and what it holds back may be sent later")
	}
	away := mock(t, sarama.ErrNoError)
	address := away.Addr()
	away.Close()
	if n, err := kafkaSender(t, address).send(t.Context(), recorded("run-1")); n != 0 || err == nil || !strings.Contains(err.Error(), "Kafka cannot be reached") {
		t.Errorf("sent %d, %v", n, err)
	}
}

// TestKafkaKeepsTheEgressRules tries the dialler with every form, and the client with one.
func TestKafkaKeepsTheEgressRules(t *testing.T) {
	d := netDialer{t.Context(), egress.Dialer{Rules: func() egress.Rules { return egress.Rules{} }, Timeout: timeout}}
	egresstest.Refuses(t, func(_ context.Context, url string) error {
		conn, err := d.Dial("tcp", strings.TrimPrefix(url, "http://")+":9092")
		if err == nil {
			_ = conn.Close()
		}
		return err
	})
	if _, err := kafkaSender(t, "169.254.169.254:9092").send(t.Context(), recorded("run-1")); err == nil || !strings.Contains(err.Error(), "the egress rules refuse") {
		t.Error(err)
	}
}

func TestKafkaConfigurations(t *testing.T) {
	at := []string{"a:9092"}
	for name, test := range map[string]struct {
		kafka Kafka
		says  string
	}{
		"nothing":          {Kafka{}, ""},
		"good":             {Kafka{Brokers: at, Topic: "a.b_c"}, ""},
		"with a user":      {Kafka{Brokers: at, Topic: "t", TLS: true, User: "u", PasswordEnv: "P"}, ""},
		"no brokers":       {Kafka{Topic: "t"}, "names no brokers"},
		"no topic":         {Kafka{Brokers: at}, "names no topic"},
		"a wrong topic":    {Kafka{Brokers: at, Topic: "a b"}, "not a name of a topic"},
		"no port":          {Kafka{Brokers: []string{"a"}, Topic: "t"}, "not an address"},
		"no password":      {Kafka{Brokers: at, Topic: "t", TLS: true, User: "u"}, "belong together"},
		"in plain text":    {Kafka{Brokers: at, Topic: "t", User: "u", PasswordEnv: "P"}, "add tls"},
		"a wrong variable": {Kafka{Brokers: at, Topic: "t", TLS: true, User: "u", PasswordEnv: "1 2"}, "environment variable"},
		"the other's name": {Kafka{Brokers: at, Topic: "t", Begin: Begin{Name: "nats"}}, "is the name of forward.nats too"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Config{NATS: NATS{URL: "nats://a:1", Stream: "S"}, Kafka: test.kafka}.Validate()
			if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}
