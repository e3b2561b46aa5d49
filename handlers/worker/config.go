package worker

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"scrapelog/domain"
	"scrapelog/handlers/egress"
	"scrapelog/handlers/gate"
	"scrapelog/handlers/secret"
	"scrapelog/handlers/sign"
)

// Config is a worker's configuration.
type Config struct {
	Listen   string          `yaml:"listen"`   // address to serve at
	Hosts    []string        `yaml:"hosts"`    // names by which it is reached, beside listen's
	Beat     domain.Duration `yaml:"beat"`     // time between beats of a running scrape: 1s to 60s
	Announce string          `yaml:"announce"` // URL of the server's announce route; empty: none
	Scrapes  []Scrape        `yaml:"scrapes"`  // what it can do

	Egress egress.Networks `yaml:"egress"` // what pages may be fetched from, beside what is always refused

	SecretEnv        string `yaml:"secret_env"`         // the variable with the secrets that orders are signed with; empty: they are not
	AnnounceTokenEnv string `yaml:"announce_token_env"` // the variable with the token that announce wants; empty: none

	ListenWithoutSecret bool `yaml:"listen_without_secret"` // other machines may reach listen without secret_env
}

// Scrape is one thing the worker can do. It has either a command or html.
//
// A command is run as it stands, without a shell and with nothing to read. Of the
// worker's environment it sees PATH, HOME, LANG, LANGUAGE, LC_*, TZ, TMPDIR,
// VIRTUAL_ENV, the variables that name proxies (HTTPS_PROXY and its like, in either
// case) and certificates (SSL_CERT_FILE and its like), and those that Env names. It
// also sees SCRAPELOG_RUN_ID, SCRAPELOG_SCRAPER, SCRAPELOG_PARAMS (JSON) and
// SCRAPELOG_PLATFORMS (separated by commas).
//
// Lines on stdout, ended by LF or CR, become progress. Exit status 0 is completed,
// anything else failed with the last error on stderr, or its last lines. Some programs
// exit with 0 in every case: Scrapy does when a spider raises, a page is refused or
// robots.txt forbids all pages. Run such a program from a script that looks at what it
// counted; docs/examples/scrapy has one. Items are the N of the last
// line that is a JSON object with a whole number under "items", such as
// {"items":42,"pages":3}; without such a line they are the number of lines. Escape
// sequences of terminals, a byte order mark and white space around the JSON do not
// count.
//
// On Linux no process that the program starts outlives the scrape, in any process group
// or session, also when the worker is killed; the exceptions are processes of another
// user and of containers that another program runs. On other systems the program's
// process group ends with the scrape.
type Scrape struct {
	Name    string   `yaml:"name"`    // it is served at /scrapes/NAME
	Command []string `yaml:"command"` // the program and its arguments, run without a shell
	Env     []string `yaml:"env"`     // names of variables that the command sees too
	HTML    *HTML    `yaml:"html"`    // HTML pages to read in place of a command; see docs/html-scrapes.md
}

// DefaultConfig holds the documented defaults.
func DefaultConfig() Config {
	return Config{Listen: "127.0.0.1:9090", Beat: domain.Duration(5 * time.Second)}
}

// Validate returns the first invalid value as a *domain.FieldError.
func (c Config) Validate() error {
	if !gate.ValidAddress(c.Listen) {
		return fieldError("listen", "use host:port such as 127.0.0.1:9090", "%q is not an address", c.Listen)
	}
	if c.Beat.Std() < time.Second || c.Beat.Std() > time.Minute {
		return fieldError("beat", "use 1s to 60s", "%s is out of range", c.Beat)
	}
	if err := gate.CheckHosts("hosts", c.Hosts); err != nil {
		return err
	}
	if err := c.validAnnounce(); err != nil {
		return err
	}
	if _, err := c.Egress.Rules(); err != nil {
		return err
	}
	if c.SecretEnv != "" {
		if err := domain.CheckEnvName("secret_env", c.SecretEnv); err != nil {
			return err
		}
	}
	if len(c.Scrapes) == 0 {
		return fieldError("scrapes", "name at least one scrape", "is empty")
	}
	taken := map[string]bool{}
	for i, s := range c.Scrapes {
		at := fmt.Sprintf("scrapes[%d]", i)
		if taken[s.Name] {
			return fieldError(at+".name", "give each scrape its own name", "%q is there twice", s.Name)
		}
		taken[s.Name] = true
		if err := s.validate(at); err != nil {
			return err
		}
	}
	return nil
}

func (c Config) validAnnounce() error {
	if c.AnnounceTokenEnv != "" {
		if err := domain.CheckEnvName("announce_token_env", c.AnnounceTokenEnv); err != nil {
			return err
		}
		if c.Announce == "" {
			return fieldError("announce_token_env", "add announce with the URL of the server's announce route, or leave it out", "is a token for no server")
		}
	}
	if c.Announce == "" {
		return nil
	}
	if err := validURL("announce", c.Announce); err != nil {
		return err
	}
	if u, err := url.Parse(c.Announce); err == nil && c.AnnounceTokenEnv != "" && u.Scheme == "http" && !gate.OnlyHere(net.JoinHostPort(u.Hostname(), "80")) {
		return fieldError("announce", "use https://, or an address of this machine", "would send the token unencrypted over the network")
	}
	return nil
}

// checkReach refuses an address that other machines can reach if orders are not signed,
// unless the configuration allows it, and secrets that cannot be read.
func (c Config) checkReach() error {
	if c.AnnounceTokenEnv != "" {
		if _, err := secret.Read(c.AnnounceTokenEnv); err != nil {
			return fmt.Errorf("announce_token_env: %w", err)
		}
	}
	if c.SecretEnv != "" {
		if err := sign.Check(c.SecretEnv); err != nil {
			return fmt.Errorf("secret_env: %w", err)
		}
		return nil
	}
	if c.ListenWithoutSecret || gate.OnlyHere(c.Listen) {
		return nil
	}
	return fieldError("listen", "add secret_env here and sign_env to the scraper, each with a variable that holds the same secret, or use 127.0.0.1; --listen-without-secret (listen_without_secret: true) accepts every order",
		"other machines reach %s, and orders are not signed: each of them may start scrapes with its own params", c.Listen)
}

func (s Scrape) validate(at string) error {
	switch {
	case !domain.ValidScraperName(s.Name):
		return fieldError(at+".name", "use 1 to 63 of a-z, 0-9 and -", "%q is not a name", s.Name)
	case len(s.Command) > 0 && s.HTML != nil:
		return fieldError(at+".html", "keep one of the two", "stands beside command")
	case len(s.Env) > 0 && s.HTML != nil:
		return fieldError(at+".env", "leave it out", "belongs to a command")
	case s.HTML != nil:
		return s.HTML.validate(at + ".html")
	case len(s.Command) == 0:
		return fieldError(at+".command", "give a command such as [python3, scrape.py], or html", "is missing")
	case s.Command[0] == "":
		return fieldError(at+".command[0]", "name a program", "is empty")
	}
	for i, name := range s.Env {
		if err := domain.CheckEnvName(fmt.Sprintf("%s.env[%d]", at, i), name); err != nil {
			return err
		}
	}
	for i, arg := range s.Command {
		if strings.ContainsRune(arg, 0) {
			return fieldError(fmt.Sprintf("%s.command[%d]", at, i), "leave it out", "holds a NUL byte")
		}
	}
	return nil
}

func validURL(field, raw string) error {
	const want = "use an absolute URL such as http://127.0.0.1:8080/"
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return fieldError(field, want, "cannot be parsed")
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return fieldError(field, want, "%q is not an http or https URL", domain.PublicURL(raw))
	case u.User != nil:
		return fieldError(field, "leave them out", "holds credentials")
	case u.Port() != "" && !domain.ValidPort(u.Port()):
		return fieldError(field, "use 1 to 65535, or leave it out", "port %s is out of range", u.Port())
	}
	return nil
}

func fieldError(field, want, problem string, args ...any) error {
	return &domain.FieldError{Field: field, Problem: fmt.Sprintf(problem, args...), Want: want}
}
