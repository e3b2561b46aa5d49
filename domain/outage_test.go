package domain_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"scrapelog/domain"
)

func TestOriginOf(t *testing.T) {
	for raw, want := range map[string]string{
		"http://127.0.0.1:9090/scrapes/shop":    "http://127.0.0.1:9090",
		"HTTP://Shop.Example:80/x?y#z":          "http://shop.example",
		"https://shop.example:443":              "https://shop.example",
		"https://shop.example:80/":              "https://shop.example:80",
		"http://shop.example:443/":              "http://shop.example:443",
		"http://[::1]:80/":                      "http://[::1]",
		"http://[2001:DB8::1]:8080/":            "http://[2001:db8::1]:8080",
		"http://shop.example:/x":                "http://shop.example",
		"http://user:secret@shop.example/x":     "http://shop.example",
		"http://shop.example.evil.example/a:80": "http://shop.example.evil.example",
		"ftp://shop.example/":                   "", "shop.example": "", "http://": "", "http:///x": "", "": "", "http://a b/": "", ":": "",
	} {
		if got := domain.OriginOf(raw); got != want {
			t.Errorf("%q: origin %q, want %q", raw, got, want)
		}
	}
}

// night folds events into scrapers and origins and writes down the edges of outages.
type night struct {
	scrapers map[string]domain.ScraperLoss
	origins  map[string]domain.OriginLosses
	runs     map[string]uuid.UUID // the newest of each scraper
	next     byte
	edges    []string
}

func (n *night) apply(e domain.Event) {
	n.next++
	id := uuid.UUID{15: n.next}
	before := n.scrapers[e.ScraperName()]
	after := before.Evolve(e)
	origins := []string{before.Origin, after.Origin}
	slices.Sort(origins)
	for _, url := range slices.Compact(origins) {
		was := n.origins[url]
		was.URL = url
		is := was.Evolve(id, e, before, after)
		n.origins[url] = is
		switch {
		case was.Outage == uuid.Nil && is.Outage != uuid.Nil:
			n.edges = append(n.edges, fmt.Sprintf("%s begins with %s of %s", url, e.EventType(), e.ScraperName()))
		case was.Outage != uuid.Nil && is.Outage == uuid.Nil:
			n.edges = append(n.edges, fmt.Sprintf("%s ends with %s of %s", url, e.EventType(), e.ScraperName()))
		}
	}
	n.scrapers[e.ScraperName()] = after
}

// The steps of a night; a and b are scrapers.
func (n *night) at(scraper, url string) {
	e := domain.ScraperConfigured{AboutScraper: domain.AboutScraper{Scraper: scraper}}
	e.Config.URL = url
	n.apply(e)
}

func (n *night) about(scraper string) domain.AboutRun {
	return domain.AboutRun{Scraper: scraper, RunID: n.runs[scraper]}
}

func (n *night) start(scraper string) {
	n.runs[scraper] = uuid.New()
	n.apply(domain.RunStarted{AboutRun: n.about(scraper)})
}

func (n *night) lose(scraper string, link domain.Link, cause domain.Cause) {
	n.apply(domain.ConnectionLost{AboutRun: n.about(scraper), Link: link, Cause: cause})
}

func (n *night) drop(scrapers ...string) {
	for _, scraper := range scrapers {
		n.start(scraper)
		n.lose(scraper, domain.LinkScraper, domain.CauseReset)
	}
}

func (n *night) back(scrapers ...string) {
	for _, scraper := range scrapers {
		n.apply(domain.ConnectionRestored{AboutRun: n.about(scraper)})
	}
}

func (n *night) remove(scraper string) {
	n.apply(domain.ScraperRemoved{AboutScraper: domain.AboutScraper{Scraper: scraper}})
}

func TestOutages(t *testing.T) {
	const (
		begins = "http://o begins with run.connection_lost of "
		ends   = "http://o ends with "
	)
	for name, test := range map[string]struct {
		steps func(n *night)
		want  []string
	}{
		"many losses of one origin are one outage, until the last is back": {
			func(n *night) { n.drop("a", "b"); n.back("b", "a") },
			[]string{begins + "a", ends + "run.connection_restored of a"},
		},
		"a loss after the end is another outage": {
			func(n *night) { n.drop("a"); n.back("a"); n.drop("a") },
			[]string{begins + "a", ends + "run.connection_restored of a", begins + "a"},
		},
		"a scraper that is back and lost again keeps the outage that another holds open": {
			func(n *night) { n.drop("a", "b"); n.back("a"); n.drop("a"); n.back("b"); n.back("a") },
			[]string{begins + "a", ends + "run.connection_restored of a"},
		},
		"a newer run supersedes a loss": {
			func(n *night) { n.drop("a"); n.start("a") },
			[]string{begins + "a", ends + "run.started of a"},
		},
		"the return of a superseded loss ends nothing": {
			func(n *night) {
				n.drop("a")
				old := n.runs["a"]
				n.start("a")
				n.lose("a", domain.LinkScraper, domain.CauseEOF)
				n.apply(domain.ConnectionRestored{AboutRun: domain.AboutRun{Scraper: "a", RunID: old}})
			},
			[]string{begins + "a", ends + "run.started of a", begins + "a"},
		},
		"losses of watchers and of our own instances do not count": {
			func(n *night) {
				n.start("a")
				n.lose("a", domain.LinkWatcher, domain.CauseWatcherGone)
				for _, ours := range []domain.Cause{domain.CauseInstanceLost, domain.CauseInstanceStop, domain.CauseInstanceExhausted} {
					n.start("a")
					n.lose("a", domain.LinkScraper, ours)
				}
			}, nil,
		},
		"one of our own instance's keeps no outage open": {
			func(n *night) {
				n.drop("a")
				n.start("b")
				n.lose("b", domain.LinkScraper, domain.CauseInstanceLost)
				n.back("a")
			},
			[]string{begins + "a", ends + "run.connection_restored of a"},
		},
		"a pause changes nothing": {
			func(n *night) {
				n.drop("a")
				n.apply(domain.ScraperPaused{AboutScraper: domain.AboutScraper{Scraper: "a"}})
				n.back("a")
				n.apply(domain.ScrapeSkipped{AboutScraper: domain.AboutScraper{Scraper: "a"}, Reason: domain.SkipPaused})
			},
			[]string{begins + "a", ends + "run.connection_restored of a"},
		},
		"a removed scraper is none of the origin's": {
			func(n *night) { n.drop("a", "b"); n.back("b"); n.remove("a") },
			[]string{begins + "a", ends + "scraper.removed of a"},
		},
		"what a removed scraper loses belongs to no origin": {
			func(n *night) { n.start("a"); n.remove("a"); n.lose("a", domain.LinkScraper, domain.CauseEOF) }, nil,
		},
		"a removed scraper that comes back lost begins no outage and keeps one open": {
			func(n *night) {
				n.drop("a")
				n.remove("a")
				n.at("a", "http://o/a")
				n.drop("b")
				n.back("b")
				n.back("a")
			},
			[]string{begins + "a", ends + "scraper.removed of a", begins + "b", ends + "run.connection_restored of a"},
		},
		"a scraper that moves away while it is lost leaves the origin": {
			func(n *night) { n.drop("a"); n.at("a", "http://p/a"); n.back("a") },
			[]string{begins + "a", ends + "scraper.configured of a"},
		},
		"one that moves to an origin whose outage is open keeps it open": {
			func(n *night) {
				n.at("c", "http://p/c")
				n.drop("c", "a")
				n.at("c", "http://o/c")
				n.back("a")
				n.back("c")
			},
			[]string{
				"http://p begins with run.connection_lost of c", begins + "a",
				"http://p ends with scraper.configured of c", ends + "run.connection_restored of c",
			},
		},
		"another path of the same origin is the same origin": {
			func(n *night) { n.drop("a"); n.at("a", "http://O:80/elsewhere"); n.drop("b"); n.back("a", "b") },
			[]string{begins + "a", ends + "run.connection_restored of b"},
		},
		"two origins are two outages": {
			func(n *night) { n.at("b", "https://o/b"); n.drop("a", "b") },
			[]string{begins + "a", "https://o begins with run.connection_lost of b"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := &night{scrapers: map[string]domain.ScraperLoss{}, origins: map[string]domain.OriginLosses{}, runs: map[string]uuid.UUID{}}
			n.at("a", "http://o/a")
			n.at("b", "http://o/b")
			test.steps(n)
			if !slices.Equal(n.edges, test.want) {
				t.Errorf("got\n%q\nwant\n%q", n.edges, test.want)
			}
		})
	}
}
