package domain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// CatchUp is the policy for a slot that was missed while scrapelog was down.
type CatchUp string

// The policies.
const (
	CatchUpNone CatchUp = "none" // missed slots are dropped
	CatchUpOne  CatchUp = "one"  // the last missed slot is run once
)

// ScraperConfig is everything that is configured about a scraper. It enters the
// log whole, so it holds no secret: headers name environment variables, and URLs
// carry neither credentials nor a query string (see [ScraperConfig.Redacted]).
type ScraperConfig struct {
	Name           string            `json:"name" yaml:"name"`                         // 1 to 63 of a-z, 0-9 and -
	URL            string            `json:"url" yaml:"url"`                           // where the POST goes
	Schedule       string            `json:"schedule,omitempty" yaml:"schedule"`       // cron, @hourly and the like, or "every 90s"; empty: only by hand
	TimeZone       string            `json:"time_zone" yaml:"time_zone"`               // of the schedule: a name such as Europe/Berlin
	Jitter         Duration          `json:"jitter" yaml:"jitter"`                     // a run starts up to this much after its slot; up to 24h
	CatchUp        CatchUp           `json:"catch_up" yaml:"catch_up"`                 // what becomes of slots that were missed while scrapelog was down
	Platforms      []string          `json:"platforms,omitempty" yaml:"platforms"`     // what the scraper is asked to scrape, sent with each run
	Params         map[string]any    `json:"params,omitempty" yaml:"params"`           // a JSON object, sent with each run
	HeadersEnv     map[string]string `json:"headers_env,omitempty" yaml:"headers_env"` // headers of each POST, and the variables with their values
	SignEnv        string            `json:"sign_env,omitempty" yaml:"sign_env"`       // the variable with the secret that signs each POST
	ConnectTimeout Duration          `json:"connect_timeout" yaml:"connect_timeout"`   // for the connection and TLS: 1ms to 10m
	StartTimeout   Duration          `json:"start_timeout" yaml:"start_timeout"`       // for the header of the answer: 1ms to 1h
	IdleTimeout    Duration          `json:"idle_timeout" yaml:"idle_timeout"`         // between two bytes of the stream: 10ms to 24h; three announced beats, if that is less
	MaxDuration    Duration          `json:"max_duration" yaml:"max_duration"`         // of a run, which is then failed: 10ms to 720h
	Probe          ProbeConfig       `json:"probe" yaml:"probe"`                       // how the return of a lost connection is noticed
	Recovery       RecoveryConfig    `json:"recovery" yaml:"recovery"`                 // what follows the return
	Expect         ExpectConfig      `json:"expect,omitzero" yaml:"expect"`            // what runs should bring; see docs/expectations.md
}

// ProbeConfig configures the probes of a scraper whose connection is lost.
type ProbeConfig struct {
	URL      string   `json:"url,omitempty" yaml:"url"` // a GET that wants 2xx; empty: HEAD on the scraper's URL
	Interval Duration `json:"interval" yaml:"interval"` // between two probes: 100ms to 1h
}

// RecoveryConfig configures the new run after a lost connection is back.
type RecoveryConfig struct {
	Enabled  bool     `json:"enabled" yaml:"enabled"`     // false: a lost run is not started again
	HoldDown Duration `json:"hold_down" yaml:"hold_down"` // after a recovery run was lost within this time of its start, probes must be good for as long: 1s to 24h
}

// DefaultScraperConfig holds the documented defaults; decode a configuration on
// top of it, and a key that is left out keeps its default.
func DefaultScraperConfig() ScraperConfig {
	return ScraperConfig{
		TimeZone:       "UTC",
		CatchUp:        CatchUpOne,
		ConnectTimeout: Duration(5 * time.Second),
		StartTimeout:   Duration(10 * time.Second),
		IdleTimeout:    Duration(45 * time.Second),
		MaxDuration:    Duration(2 * time.Hour),
		Probe:          ProbeConfig{Interval: Duration(time.Second)},
		Recovery:       RecoveryConfig{Enabled: true, HoldDown: Duration(10 * time.Second)},
	}
}

// Redacted returns the configuration for the log: without the query strings of URLs,
// which often hold keys.
func (c ScraperConfig) Redacted() ScraperConfig {
	c.URL, c.Probe.URL = withoutQuery(c.URL), withoutQuery(c.Probe.URL)
	return c
}

func withoutQuery(raw string) string {
	before, _, _ := strings.Cut(raw, "?")
	return before
}

// Equal reports whether two configurations mean the same to the byte.
func (c ScraperConfig) Equal(other ScraperConfig) bool {
	a, errA := json.Marshal(c)
	b, errB := json.Marshal(other)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

var nameRule = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)

// ValidScraperName reports whether name may name a scraper.
func ValidScraperName(name string) bool { return nameRule.MatchString(name) }

// CheckScraperName returns why the value of a field cannot name a scraper; nil: it can.
func CheckScraperName(field, name string) error {
	if !ValidScraperName(name) {
		return &FieldError{field, fmt.Sprintf("%.80q is not a scraper name", name), "use 1 to 63 of a-z, 0-9 and -"}
	}
	return nil
}

// Validate returns the first invalid value as a *FieldError, in the order of the keys
// in the documentation.
func (c ScraperConfig) Validate() error {
	checks := []func() error{
		c.validName,
		func() error { return CheckURL("url", c.URL) },
		c.validSchedule,
		func() error { return within("jitter", c.Jitter, 0, 24*time.Hour) },
		c.validCatchUp,
		c.validHeaders,
		func() error { return CheckEnvNameIfSet("sign_env", c.SignEnv) },
		func() error { return within("connect_timeout", c.ConnectTimeout, time.Millisecond, 10*time.Minute) },
		func() error { return within("start_timeout", c.StartTimeout, time.Millisecond, time.Hour) },
		func() error { return within("idle_timeout", c.IdleTimeout, 10*time.Millisecond, 24*time.Hour) },
		func() error { return within("max_duration", c.MaxDuration, 10*time.Millisecond, 30*24*time.Hour) },
		c.validProbe,
		func() error { return within("recovery.hold_down", c.Recovery.HoldDown, time.Second, 24*time.Hour) },
		c.Expect.validate,
		c.validSize,
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c ScraperConfig) validName() error {
	return CheckScraperName("name", c.Name)
}

func (c ScraperConfig) validSchedule() error {
	_, err := ParseSchedule(c.Schedule, c.TimeZone)
	return err
}

func (c ScraperConfig) validCatchUp() error {
	if c.CatchUp != CatchUpNone && c.CatchUp != CatchUpOne {
		return &FieldError{"catch_up", fmt.Sprintf("%q is not a policy", c.CatchUp), "use none or one"}
	}
	return nil
}

// validHeaders repeats no key that is not a header name, and no value: people put
// the secret there by mistake.
func (c ScraperConfig) validHeaders() error {
	spelt := map[string]string{}
	for _, header := range slices.Sorted(maps.Keys(c.HeadersEnv)) {
		if !httpguts.ValidHeaderFieldName(header) {
			return &FieldError{"headers_env", "a key is not the name of a header", "write Header: VARIABLE, such as Authorization: SHOP_TOKEN"}
		}
		if reservedHeader(header) {
			return &FieldError{"headers_env", fmt.Sprintf("%s is set by scrapelog itself", header), "leave it out"}
		}
		if err := CheckEnvName("headers_env."+header, c.HeadersEnv[header]); err != nil {
			return err
		}
		name := strings.ToLower(header)
		if other, twice := spelt[name]; twice {
			return &FieldError{"headers_env", fmt.Sprintf("%s and %s are one header", other, header), "name each header once"}
		}
		spelt[name] = header
	}
	return nil
}

// reservedHeader names the headers that are part of the contract with scrapers,
// and Idempotency-Key, which would let net/http repeat a POST by itself.
func reservedHeader(name string) bool {
	switch strings.ToLower(name) {
	case "accept", "content-type", "content-length", "host", "connection", "transfer-encoding",
		"traceparent", "x-scrapelog-run-id", "idempotency-key", "x-idempotency-key",
		"webhook-id", "webhook-timestamp", "webhook-signature":
		return true
	}
	return false
}

func (c ScraperConfig) validProbe() error {
	if c.Probe.URL != "" {
		if err := CheckURL("probe.url", c.Probe.URL); err != nil {
			return err
		}
	}
	return within("probe.interval", c.Probe.Interval, 100*time.Millisecond, time.Hour)
}

func within(field string, d Duration, least, most time.Duration) error {
	if d.Std() < least || d.Std() > most {
		return &FieldError{field, fmt.Sprintf("%s is out of range", d), fmt.Sprintf("use %s to %s", Duration(least), Duration(most))}
	}
	return nil
}
