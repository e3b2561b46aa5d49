package forward

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"scrapelog/domain"
	"scrapelog/handlers/secret"
)

// Config names the brokers. The zero value of one is none.
type Config struct {
	NATS  NATS  `yaml:"nats"`  // a stream of a JetStream server
	Kafka Kafka `yaml:"kafka"` // a topic
}

// NATS is a stream of a JetStream server.
type NATS struct {
	URL         string `yaml:"url"`         // nats://HOST:4222 or tls://…; the servers of a cluster with commas between
	URLEnv      string `yaml:"url_env"`     // the environment variable that holds it, if it has a password
	Credentials string `yaml:"credentials"` // file of a user's credentials
	Stream      string `yaml:"stream"`      // is made if there is none
	Begin       `yaml:",inline"`
}

// Begin says where a target begins, and under which name it goes on.
type Begin struct {
	From string `yaml:"from"` // "now" (the default), "start" of the log, or the position of the first event to send; once under each name
	Name string `yaml:"name"` // default: the key of the broker
}

// position is where a group begins; 0: with the next event.
func (b Begin) position() int64 {
	if b.From == "start" {
		return 1
	}
	position, _ := strconv.ParseInt(b.From, 10, 64)
	return position
}

func (b Begin) validate(at string) error {
	switch {
	case b.From != "" && b.From != "now" && b.position() < 1:
		return &domain.FieldError{Field: at + ".from", Problem: fmt.Sprintf("%.40q is not known", b.From), Want: "use now, start for the whole log, or the position of the first event to send"}
	case b.Name != "" && !domain.ValidScraperName(b.Name):
		return &domain.FieldError{Field: at + ".name", Problem: fmt.Sprintf("%.80q is not a name", b.Name), Want: "use 1 to 63 of a-z, 0-9 and -"}
	}
	return nil
}

// Validate returns the first invalid value as a *domain.FieldError.
func (c Config) Validate() error {
	if err := c.NATS.validate(); err != nil {
		return err
	}
	if err := c.Kafka.validate(); err != nil {
		return err
	}
	if !c.NATS.none() && !c.Kafka.none() && c.NATS.name() == c.Kafka.name() {
		return &domain.FieldError{Field: "forward.kafka.name", Problem: fmt.Sprintf("%q is the name of forward.nats too", c.Kafka.name()), Want: "give each its own name"}
	}
	return nil
}

// Check returns an error if the environment or a file does not hold what the configuration
// names.
func (c Config) Check() error {
	if _, err := c.NATS.servers(); err != nil {
		return fmt.Errorf("forward.nats: %w", err)
	}
	if c.Kafka.PasswordEnv != "" {
		if _, err := secret.Read(c.Kafka.PasswordEnv); err != nil {
			return fmt.Errorf("forward.kafka: %w", err)
		}
	}
	return nil
}

// Redacted returns the configuration without passwords.
func (c Config) Redacted() Config {
	c.NATS.URL = redact(c.NATS.URL)
	return c
}

// redact replaces the user of each URL.
func redact(urls string) string {
	list := strings.Split(urls, ",")
	for i, text := range list {
		if scheme, rest, found := strings.Cut(text, "://"); found && strings.Contains(rest, "@") {
			list[i] = scheme + "://xxxxx@" + rest[strings.LastIndex(rest, "@")+1:]
		}
	}
	return strings.Join(list, ",")
}

func (n NATS) none() bool { return n == NATS{} }

// streamName are the letters that a JetStream stream and a subject can begin with.
var streamName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)

// topicName are the names that Kafka gives to topics.
var topicName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)

const natsURL = "use nats://HOST:4222, or tls://HOST:4222"

func (n NATS) validate() error {
	switch {
	case n.none():
		return nil
	case n.URL == "" && n.URLEnv == "":
		return &domain.FieldError{Field: "forward.nats", Problem: "it names no server", Want: "add url, such as nats://127.0.0.1:4222"}
	case n.URL != "" && n.URLEnv != "":
		return &domain.FieldError{Field: "forward.nats.url_env", Problem: "there is a url too", Want: "leave one of them out"}
	case n.URL != "" && !natsServers(n.URL):
		return &domain.FieldError{Field: "forward.nats.url", Problem: fmt.Sprintf("%.200q is not an address of NATS", redact(n.URL)), Want: natsURL}
	case n.Stream == "":
		return &domain.FieldError{Field: "forward.nats", Problem: "it names no stream", Want: "add stream, such as SCRAPELOG"}
	case !streamName.MatchString(n.Stream):
		return &domain.FieldError{Field: "forward.nats.stream", Problem: fmt.Sprintf("%.80q is not a name of a stream", n.Stream), Want: "use letters, digits, _ and -"}
	}
	if err := domain.CheckEnvNameIfSet("forward.nats.url_env", n.URLEnv); err != nil {
		return err
	}
	return n.Begin.validate("forward.nats")
}

func natsServers(urls string) bool {
	return !slices.ContainsFunc(strings.Split(urls, ","), func(text string) bool {
		u, err := url.Parse(strings.TrimSpace(text))
		return err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != ""
	})
}

// servers returns the URLs of the servers. The error does not repeat them.
func (n NATS) servers() (string, error) {
	if n.URLEnv == "" {
		return n.URL, nil
	}
	urls, err := secret.Read(n.URLEnv)
	if err == nil && !natsServers(urls) {
		err = &secret.Error{Variable: n.URLEnv, Problem: "holds no address of NATS (its value is not repeated here); " + natsURL}
	}
	return urls, err
}

func (n NATS) name() string { return cmp.Or(n.Name, "nats") }
