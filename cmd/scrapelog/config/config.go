package config

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"time"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/apply"
	"scrapelog/handlers/checkpoint"
	"scrapelog/handlers/dial"
	"scrapelog/handlers/egress"
	"scrapelog/handlers/forward"
	"scrapelog/handlers/gate"
	"scrapelog/handlers/heartbeat"
	"scrapelog/handlers/notify"
)

// Config is the configuration of serve.
type Config struct {
	File          string                 `yaml:"-"`                     // where it was read; empty: nowhere
	Listen        string                 `yaml:"listen"`                // address to serve at
	Database      string                 `yaml:"database"`              // sqlite:PATH or postgres://…
	SetupLink     bool                   `yaml:"-"`                     // the first admin may be made by a setup link
	WithoutLogins bool                   `yaml:"listen_without_logins"` // other machines may reach listen without a login
	Hosts         []string               `yaml:"hosts"`                 // names by which it is reached, beside those of listen and public_url
	TLS           TLS                    `yaml:"tls"`                   // HTTPS; without it plain HTTP
	Proxies       []string               `yaml:"trusted_proxies"`       // networks whose X-Forwarded headers are believed
	ShutdownGrace domain.Duration        `yaml:"shutdown_grace"`        // how long a stop waits for runs to end
	WatcherGrace  domain.Duration        `yaml:"watcher_grace"`         // how long the watcher of an attached run may be away
	Pool          eventstore.Pool        `yaml:"pool"`                  // connections to PostgreSQL
	Secrets       domain.Secrets         `yaml:"secrets"`               // variables that scrapers made through the API may name, each with the hosts that may get it
	Egress        egress.Networks        `yaml:"egress"`                // what scrapers may be reached at, beside what is always refused
	Audit         Audit                  `yaml:"audit"`                 // the proof of the log
	Auth          Auth                   `yaml:"auth"`                  // who needs a login
	Limits        Limits                 `yaml:"limits"`                // what clients may use
	PublicURL     string                 `yaml:"public_url"`            // where people see the pages; default: listen
	Notify        notify.Config          `yaml:"notify"`                // who is told of what
	Heartbeat     heartbeat.Config       `yaml:"heartbeat"`             // a GET at an interval while /readyz would be 200
	Forward       forward.Config         `yaml:"forward"`               // brokers that are sent the log
	Metrics       Metrics                `yaml:"metrics"`               // what /metrics serves
	Scrapers      []domain.ScraperConfig `yaml:"scrapers"`              // what is scraped
}

// Audit names the files of the proof of the log. Empty: they are in a folder for this
// database under $XDG_STATE_HOME/scrapelog.
type Audit struct {
	Key         string          `yaml:"key"`          // file of the private key; default: in a folder for this database
	Checkpoints string          `yaml:"checkpoints"`  // file of the signed checkpoints; default: beside the key
	VerifyEvery domain.Duration `yaml:"verify_every"` // how often one instance verifies the log; 0: never
	Witnesses   []proof.Witness `yaml:"witnesses"`    // each new checkpoint is sent to them, to be signed

	Forward checkpoint.Config `yaml:"forward"` // each new checkpoint is sent there
}

// TLS names the files of the certificate and of its key, in PEM. Empty: plain HTTP.
type TLS struct {
	Cert string `yaml:"cert"` // file of the certificate and its chain
	Key  string `yaml:"key"`  // file of the private key
}

// Auth says who needs a login once there are users.
type Auth struct {
	Loopback string `yaml:"loopback"` // "open": requests from this machine are an admin's; empty or "login": they need a login
}

// Open reports whether requests from this machine need no login.
func (a Auth) Open() bool { return a.Loopback == "open" }

func (a Auth) validate() error {
	if a.Loopback == "" || a.Loopback == "login" || a.Loopback == "open" {
		return nil
	}
	return &domain.FieldError{Field: "auth.loopback", Problem: fmt.Sprintf("%.40q is not known", a.Loopback), Want: "use login or open"}
}

// Limits bounds what clients may use. Zero means the default.
type Limits struct {
	APIScrapers      int `yaml:"api_scrapers"`       // scrapers made through the API; default 1,000
	Connections      int `yaml:"connections"`        // served at once; default by the limit of descriptors
	Streams          int `yaml:"streams"`            // open at once; default 2,000, at most three quarters of the connections
	StreamsPerClient int `yaml:"streams_per_client"` // of one user, token or address; default 64
}

// Metrics says what /metrics serves.
type Metrics struct {
	PerScraper bool `yaml:"per_scraper"` // the series with a scraper's name; false leaves them out, for thousands of scrapers
}

// InForce returns the limits with their defaults.
func (l Limits) InForce() Limits {
	l.APIScrapers = cmp.Or(l.APIScrapers, domain.DefaultAPIScrapers)
	l.Connections = cmp.Or(l.Connections, gate.Connections())
	l.Streams = max(1, min(cmp.Or(l.Streams, 2000), l.Connections*3/4)) // the rest is for requests that end
	l.StreamsPerClient = cmp.Or(l.StreamsPerClient, 64)
	return l
}

// DefaultFile is read when no file is named and it exists.
const DefaultFile = "scrapelog.yaml"

// Default returns the documented defaults.
func Default() Config {
	return Config{
		Listen:        "127.0.0.1:8080",
		Database:      "sqlite:scrapelog.db",
		ShutdownGrace: domain.Duration(10 * time.Second),
		WatcherGrace:  domain.Duration(10 * time.Second),
		Pool:          eventstore.DefaultPool,
		Notify:        notify.Default(),
		Heartbeat:     heartbeat.Default(),
		Audit:         Audit{VerifyEvery: domain.Duration(24 * time.Hour)},
		Metrics:       Metrics{PerScraper: true},
	}
}

// Load reads a configuration file on top of the defaults. Errors are one
// line: file, line and column, key, what is wrong, what would be right. An empty path
// returns the defaults.
func Load(path string) (Config, error) {
	if path == "" {
		return Default(), nil
	}
	source, err := Read(path)
	if err != nil {
		return Config{}, err
	}
	return Parse(path, source)
}

// Parse is Load for a source that was read before; path is for errors.
func Parse(path string, source []byte) (Config, error) {
	config := Default()
	doc, err := decodeStrict(path, source, &config)
	if err != nil {
		return Config{}, err
	}
	for i := range config.Scrapers { // once more, each on top of its defaults
		config.Scrapers[i] = domain.DefaultScraperConfig()
		node, _ := doc.find(fmt.Sprintf("scrapers[%d]", i))
		if err := doc.decode(node, &config.Scrapers[i]); err != nil {
			return Config{}, err
		}
	}
	return config, config.validate(doc)
}

// TrustedProxies returns the networks whose X-Forwarded headers are believed.
func (c Config) TrustedProxies() (gate.Proxies, error) {
	return egress.ParseNetworks("trusted_proxies", c.Proxies)
}

// At returns the URL of the service at an address.
func (c Config) At(address string) string {
	if c.TLS.Cert != "" {
		return "https://" + address
	}
	return "http://" + address
}

// BaseURL returns where people see the pages.
func (c Config) BaseURL() string { return cmp.Or(c.PublicURL, c.At(c.Listen)) }

// OpenTo returns the address at which other machines are let in without a login; empty:
// there is none.
func (c Config) OpenTo() string {
	if !c.WithoutLogins || gate.OnlyHere(c.Listen) {
		return ""
	}
	return c.Listen
}

// Names returns the names of this service that may stand in Host, beside loopback.
func (c Config) Names() []string {
	names := append([]string{c.Listen}, c.Hosts...)
	if u, err := url.Parse(c.PublicURL); err == nil && u.Host != "" {
		names = append(names, u.Host)
	}
	return names
}

// Content returns what the configuration says of scrapers.
func (c Config) Content() (apply.Content, error) {
	access, err := c.Access()
	return apply.Content{Scrapers: c.Scrapers, Access: access}, err
}

// Access returns the secrets that scrapers may name and the networks they may reach.
func (c Config) Access() (access dial.Access, err error) {
	access.Secrets = c.Secrets
	if err := c.Secrets.Validate(); err != nil {
		return access, err
	}
	rules, err := c.Egress.Rules()
	access.Allow, access.Deny = rules.Allow, rules.Deny
	return access, err
}

// LoadFrom is Load for a file that must be there, or for stdin if its name is "-".
func LoadFrom(path string, stdin io.Reader) (Config, error) {
	if path != "-" {
		return Load(path)
	}
	source, err := io.ReadAll(io.LimitReader(stdin, maxConfig))
	if err != nil {
		return Config{}, term.Usagef("stdin cannot be read: %v", err)
	}
	return Parse("stdin", source)
}
