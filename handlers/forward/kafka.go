package forward

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"

	"scrapelog/domain"
	"scrapelog/handlers/egress"
	"scrapelog/handlers/secret"
)

// Kafka is a topic.
type Kafka struct {
	Brokers     []string `yaml:"brokers"`      // HOST:9092 of brokers that know the others
	Topic       string   `yaml:"topic"`        // is not made
	TLS         bool     `yaml:"tls"`          // true: encrypted
	User        string   `yaml:"user"`         // of SASL PLAIN; needs tls
	PasswordEnv string   `yaml:"password_env"` // the environment variable that holds the user's password
	Begin       `yaml:",inline"`
}

func (k Kafka) none() bool {
	return len(k.Brokers) == 0 && k.Topic == "" && !k.TLS && k.User == "" && k.PasswordEnv == "" && k.Begin == Begin{}
}

func (k Kafka) name() string { return cmp.Or(k.Name, "kafka") }

func (k Kafka) validate() error {
	const at = "forward.kafka"
	switch {
	case k.none():
		return nil
	case len(k.Brokers) == 0:
		return &domain.FieldError{Field: at, Problem: "it names no brokers", Want: "add brokers, such as [127.0.0.1:9092]"}
	case k.Topic == "":
		return &domain.FieldError{Field: at, Problem: "it names no topic", Want: "add topic, such as scrapelog"}
	case !topicName.MatchString(k.Topic):
		return &domain.FieldError{Field: at + ".topic", Problem: fmt.Sprintf("%.80q is not a name of a topic", k.Topic), Want: "use letters, digits, dots, _ and -"}
	case (k.User == "") != (k.PasswordEnv == ""):
		return &domain.FieldError{Field: at, Problem: "user and password_env belong together", Want: "add the other one"}
	case k.User != "" && !k.TLS:
		return &domain.FieldError{Field: at + ".user", Problem: "its password would go over the network in plain text", Want: "add tls: true"}
	}
	for i, address := range k.Brokers {
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
			return &domain.FieldError{Field: fmt.Sprintf("%s.brokers[%d]", at, i), Problem: fmt.Sprintf("%.80q is not an address", address), Want: "use HOST:9092"}
		}
	}
	if err := domain.CheckEnvNameIfSet(at+".password_env", k.PasswordEnv); err != nil {
		return err
	}
	return k.Begin.validate(at)
}

// kafkaBroker publishes to a topic: an event under the name of its stream as the key, so
// that those of one stream are in one partition, in their order.
type kafkaBroker struct {
	Kafka
	rules func() egress.Rules
}

// open implements broker.
func (b kafkaBroker) open(ctx context.Context) (message.Publisher, error) {
	c := kafka.DefaultSaramaSyncPublisherConfig()
	c.ClientID, c.ApiVersionsRequest = "scrapelog", true
	c.Producer.RequiredAcks, c.Producer.Timeout, c.Producer.Retry.Max = sarama.WaitForAll, timeout, 0 // feed.Relay tries again
	c.Metadata.Retry.Max, c.Metadata.Timeout, c.Metadata.AllowAutoTopicCreation = 0, timeout, false
	c.Net.DialTimeout, c.Net.ReadTimeout, c.Net.WriteTimeout = timeout, timeout, timeout
	c.Net.Proxy.Enable, c.Net.Proxy.Dialer = true, netDialer{ctx, egress.Dialer{Rules: b.rules, Timeout: timeout}}
	if b.TLS {
		c.Net.TLS.Enable, c.Net.TLS.Config = true, &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if b.User != "" {
		password, err := secret.Read(b.PasswordEnv)
		if err != nil {
			return nil, err
		}
		c.Net.SASL.Enable, c.Net.SASL.Mechanism, c.Net.SASL.User, c.Net.SASL.Password = true, sarama.SASLTypePlaintext, b.User, password
	}
	publisher, err := kafka.NewPublisher(kafka.PublisherConfig{Brokers: slices.Clone(b.Brokers), OverwriteSaramaConfig: c, Marshaler: keyed{}}, nil)
	if err != nil {
		return nil, fmt.Errorf("Kafka cannot be reached: %w", err)
	}
	return publisher, nil
}

// topic implements broker.
func (b kafkaBroker) topic(string) string { return b.Topic }

// explain implements broker.
func (b kafkaBroker) explain(err error) error {
	if errors.Is(err, sarama.ErrUnknownTopicOrPartition) {
		return fmt.Errorf("%w; make the topic %s", err, b.Topic)
	}
	return err
}

// keyed makes messages of Kafka, with the stream of the log as the key.
type keyed struct{}

// Marshal implements kafka.Marshaler.
func (keyed) Marshal(topic string, m *message.Message) (*sarama.ProducerMessage, error) {
	return &sarama.ProducerMessage{
		Topic: topic, Key: sarama.StringEncoder(m.Metadata.Get(streamOf)), Value: sarama.ByteEncoder(m.Payload),
		Headers: []sarama.RecordHeader{{Key: []byte(contentType), Value: []byte(m.Metadata.Get(contentType))}},
	}, nil
}
