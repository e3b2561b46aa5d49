package worker

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/andybalholm/cascadia"

	"scrapelog/domain"
	"scrapelog/handlers/gate"
)

// Config is a worker's configuration.
type Config struct {
	Listen   string          `yaml:"listen"`   // host:port
	Hosts    []string        `yaml:"hosts"`    // names by which it is reached, beside Listen's
	Beat     domain.Duration `yaml:"beat"`     // how often a running scrape says that it lives: 1s to 60s
	Announce string          `yaml:"announce"` // where to say that the worker is up; empty: nowhere
	Scrapes  []Scrape        `yaml:"scrapes"`

	// ListenWithoutSecret lets other machines reach Listen.
	ListenWithoutSecret bool `yaml:"listen_without_secret"`
}

// Scrape is one thing the worker can do. It has either a command or html.
//
// A command is run as it stands, without a shell, in a process group of its own.
// Its environment is PATH, HOME, LANG and TZ of the worker, and the facts of the
// run: SCRAPELOG_RUN_ID, SCRAPELOG_SCRAPER, SCRAPELOG_PARAMS (JSON) and
// SCRAPELOG_PLATFORMS (separated by commas). Lines on stdout become progress;
// exit status 0 is completed, anything else failed with the last lines of stderr.
// Items are the number of lines, or N when the last line is {"items":N}.
//
// When the scrape ends, whatever the program has started in its group ends with
// it. When the worker is killed outright, Linux kills the program too, but not
// what it has started in turn; a program with children of its own should end them
// when its output closes.
type Scrape struct {
	Name    string   `yaml:"name"`
	Command []string `yaml:"command"`
	HTML    *HTML    `yaml:"html"`
}

// HTML is a scrape of pages, one platform after the other. robots.txt is obeyed.
//
// Each element that Item selects becomes one line of Output:
//
//	{"run_id":"…","platform":"…","page":"https://…","at":"…","fields":{"title":"…"}}
//
// A field is "selector", for the text of the first match within the item, or
// "selector@attribute"; "." is the item itself, so ".@id" is its id. White space
// in texts is folded, href and src are made absolute, and a field that nothing
// matches is left out. Next selects the link to the following page, which must be
// on the host of the start page.
type HTML struct {
	Platforms []Platform        `yaml:"platforms"`
	Item      string            `yaml:"item"`
	Fields    map[string]string `yaml:"fields"`
	Next      string            `yaml:"next"`
	Rate      float64           `yaml:"rate"`   // pages a second; 0: DefaultRate
	Output    string            `yaml:"output"` // a file that items are appended to
}

// Platform is one site of a scrape.
type Platform struct {
	Name  string `yaml:"name"`
	Start string `yaml:"start"` // URL of the first page
}

// DefaultRate is how many pages a second are asked for.
const DefaultRate = 1.0

// DefaultConfig holds the documented defaults.
func DefaultConfig() Config {
	return Config{Listen: "127.0.0.1:9090", Beat: domain.Duration(5 * time.Second)}
}

// Validate returns the first invalid value as a *domain.FieldError.
func (c Config) Validate() error {
	if !validListen(c.Listen) {
		return fieldError("listen", "use host:port such as 127.0.0.1:9090", "%q is not an address", c.Listen)
	}
	if c.Beat.Std() < time.Second || c.Beat.Std() > time.Minute {
		return fieldError("beat", "use 1s to 60s", "%s is out of range", c.Beat)
	}
	if c.Announce != "" {
		if err := validURL("announce", c.Announce); err != nil {
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
			return fieldError(at+".name", "give each scrape a name of its own", "%q is there twice", s.Name)
		}
		taken[s.Name] = true
		if err := s.validate(at); err != nil {
			return err
		}
	}
	return nil
}

// checkReach refuses an address that other machines reach, unless that is meant.
func (c Config) checkReach() error {
	if c.ListenWithoutSecret || gate.OnlyHere(c.Listen) {
		return nil
	}
	return fieldError("listen", "use 127.0.0.1, or --listen-without-secret (listen_without_secret: true) if that is meant",
		"other machines reach %s, and there is no secret between worker and server: each of them may start scrapes with params of its own", c.Listen)
}

func (s Scrape) validate(at string) error {
	switch {
	case !domain.ValidScraperName(s.Name):
		return fieldError(at+".name", "use 1 to 63 of a-z, 0-9 and -", "%q is not a name", s.Name)
	case len(s.Command) > 0 && s.HTML != nil:
		return fieldError(at+".html", "keep one of the two", "stands beside command")
	case s.HTML != nil:
		return s.HTML.validate(at + ".html")
	case len(s.Command) == 0:
		return fieldError(at+".command", "give a command such as [python3, scrape.py], or html", "is missing")
	case s.Command[0] == "":
		return fieldError(at+".command[0]", "name a program", "is empty")
	}
	for i, arg := range s.Command {
		if strings.ContainsRune(arg, 0) {
			return fieldError(fmt.Sprintf("%s.command[%d]", at, i), "leave it out", "holds a NUL byte")
		}
	}
	return nil
}

func (h *HTML) validate(at string) error {
	if len(h.Platforms) == 0 {
		return fieldError(at+".platforms", "give at least one, with name and start", "is empty")
	}
	taken := map[string]bool{}
	for i, p := range h.Platforms {
		at := fmt.Sprintf("%s.platforms[%d]", at, i)
		if p.Name == "" || taken[p.Name] {
			return fieldError(at+".name", "give each platform a name of its own", "%q is empty or there twice", p.Name)
		}
		taken[p.Name] = true
		if err := validURL(at+".start", p.Start); err != nil {
			return err
		}
	}
	if err := h.validSelectors(at); err != nil {
		return err
	}
	if h.Rate < 0 || h.Rate > 100 {
		return fieldError(at+".rate", "use pages a second, up to 100; 0.2 is one in five seconds", "%v is out of range", h.Rate)
	}
	if h.Output == "" {
		return fieldError(at+".output", "name a file such as items.ndjson", "is missing")
	}
	return nil
}

func (h *HTML) validSelectors(at string) error {
	if err := validSelector(at+".item", h.Item); err != nil {
		return err
	}
	if len(h.Fields) == 0 {
		return fieldError(at+".fields", `give at least one, such as title: "h2"`, "is empty")
	}
	for name, spec := range h.Fields {
		if f := parseField(spec); f.selector != "" {
			if err := validSelector(at+".fields."+name, f.selector); err != nil {
				return err
			}
		}
	}
	if h.Next == "" {
		return nil
	}
	return validSelector(at+".next", h.Next)
}

// validSelector matters: colly takes a selector it cannot parse for one that
// matches nothing.
func validSelector(field, selector string) error {
	if _, err := cascadia.Compile(selector); err != nil {
		return fieldError(field, "use one such as li.product > a", "%q is not a CSS selector (%v)", selector, err)
	}
	return nil
}

func validListen(address string) bool {
	_, port, err := net.SplitHostPort(address)
	if err != nil || port == "" {
		return false
	}
	_, err = net.LookupPort("tcp", port)
	return err == nil
}

func validURL(field, raw string) error {
	const want = "use an absolute URL such as http://127.0.0.1:8080/"
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return fieldError(field, want, "cannot be parsed")
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return fieldError(field, want, "%q is not an http or https URL", u.Redacted())
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
