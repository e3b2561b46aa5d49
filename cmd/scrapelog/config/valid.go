package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/gate"
)

// validate returns the first invalid value, with its place.
func (c Config) validate(doc *document) error {
	if err := c.Validate(); err != nil {
		return doc.place("", err)
	}
	lines := map[string]int{}
	for i, scraper := range c.Scrapers {
		at := fmt.Sprintf("scrapers[%d]", i)
		if err := scraper.Validate(); err != nil {
			return doc.place(at, err)
		}
		if line, taken := lines[scraper.Name]; taken {
			return doc.place(at, &domain.FieldError{
				Field:   "name",
				Problem: fmt.Sprintf("%q is the name of the scraper at line %d already", scraper.Name, line),
				Want:    "give each scraper a name of its own",
			})
		}
		lines[scraper.Name] = doc.position(at + ".name").Line
	}
	return nil
}

// Validate returns the first invalid value outside the scrapers as a
// *domain.FieldError.
func (c Config) Validate() error {
	if err := gate.CheckHosts("hosts", c.Hosts); err != nil {
		return err
	}
	switch {
	case !gate.ValidAddress(c.Listen):
		return &domain.FieldError{Field: "listen", Problem: fmt.Sprintf("%q is not an address", c.Listen), Want: "use host:port such as 127.0.0.1:8080"}
	case !validDatabase(c.Database):
		return &domain.FieldError{Field: "database", Problem: fmt.Sprintf("%q is not a database", eventstore.Redact(c.Database)), Want: "use sqlite:PATH or postgres://USER@HOST/NAME"}
	case c.TLS.Cert == "" && c.TLS.Key != "":
		return &domain.FieldError{Field: "tls.cert", Problem: "is missing beside tls.key", Want: "name the file of the certificate"}
	case c.TLS.Cert != "" && c.TLS.Key == "":
		return &domain.FieldError{Field: "tls.key", Problem: "is missing beside tls.cert", Want: "name the file of the key"}
	case c.ShutdownGrace < 0:
		return &domain.FieldError{Field: "shutdown_grace", Problem: fmt.Sprintf("%s is negative", c.ShutdownGrace), Want: "use 0s or more"}
	case c.badWitness() != nil:
		return c.badWitness()
	case c.Audit.Forward.Validate() != nil:
		return c.Audit.Forward.Validate()
	case c.Audit.VerifyEvery < 0:
		return &domain.FieldError{Field: "audit.verify_every", Problem: fmt.Sprintf("%s is negative", c.Audit.VerifyEvery), Want: "use 24h, or 0s for never"}
	case c.WatcherGrace <= 0:
		return &domain.FieldError{Field: "watcher_grace", Problem: fmt.Sprintf("%s is too short", c.WatcherGrace), Want: "use more than 0s, such as 10s"}
	case c.Limits.APIScrapers < 0, c.Limits.Connections < 0, c.Limits.Streams < 0, c.Limits.StreamsPerClient < 0:
		return &domain.FieldError{Field: "limits", Problem: "a limit is negative", Want: "use 1 or more, or leave it out for the default"}
	case c.Pool.Write < eventstore.LeastPool.Write:
		return &domain.FieldError{Field: "pool.write", Problem: fmt.Sprintf("%d connections are too few", c.Pool.Write), Want: fmt.Sprintf("use %d or more, such as %d", eventstore.LeastPool.Write, eventstore.DefaultPool.Write)}
	case c.Pool.Read < eventstore.LeastPool.Read:
		return &domain.FieldError{Field: "pool.read", Problem: fmt.Sprintf("%d connections are too few", c.Pool.Read), Want: fmt.Sprintf("use %d or more, such as %d", eventstore.LeastPool.Read, eventstore.DefaultPool.Read)}
	}
	proxies := func() error { _, err := c.TrustedProxies(); return err }
	access := func() error { _, err := c.Access(); return err }
	for _, check := range []func() error{
		c.validPublicURL, c.Notify.Validate, c.Heartbeat.Validate, c.Forward.Validate, proxies, c.Auth.validate, access,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c Config) badWitness() error {
	for i, w := range c.Audit.Witnesses {
		var field *domain.FieldError
		if errors.As(w.Validate(), &field) {
			field.Field = fmt.Sprintf("audit.witnesses[%d].%s", i, field.Field)
			return field
		}
		if slices.ContainsFunc(c.Audit.Witnesses[:i], func(other proof.Witness) bool { return other.Name == w.Name }) {
			return &domain.FieldError{Field: fmt.Sprintf("audit.witnesses[%d].name", i), Problem: fmt.Sprintf("%q is the name of another witness", w.Name), Want: "use a name once"}
		}
	}
	return nil
}

func (c Config) validPublicURL() error {
	u, err := url.Parse(c.PublicURL)
	if c.PublicURL == "" || err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == "" {
		return nil
	}
	return &domain.FieldError{Field: "public_url", Problem: fmt.Sprintf("%.200q is not an address of pages", c.PublicURL), Want: "use https://HOST, with a port and a path where there is one"}
}

func validDatabase(database string) bool {
	path, sqlite := strings.CutPrefix(database, "sqlite:")
	return sqlite && path != "" || strings.HasPrefix(database, "postgres://") || strings.HasPrefix(database, "postgresql://")
}
