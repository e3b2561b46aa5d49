// Package pages renders the HTML pages. Every function takes a plain view model and writes
// HTML; none reads a clock, a request or a database, so each page can be rendered in each
// of its states from canned data.
//
// Texts of scrapers appear in these pages. templ escapes them; [clean] makes invisible
// characters visible, such as control characters and changes of direction.
package pages

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/projections"
)

// Chrome holds the data of the frame around a page.
type Chrome struct {
	Title    string
	Section  string    // the entry of the menu that the page belongs to: "/runs"
	URL      string    // path and query, to fetch the page again
	Refresh  string    // the live events that fetch it again, as an htmx trigger; empty: none
	Position int64     // how far the log was when the page was made
	Now      time.Time // when it was made
	Notice   *Notice   // what an action recorded
	Server   string    // the URL under which the reader has this server: "http://127.0.0.1:8080"
	OpenTo   string    // the address that other machines reach without a login; empty: there is none
	Standing
	projections.Losses
}

// title is the page's name, behind what is lost.
func (c Chrome) title() string {
	switch lost := c.lostShown(); {
	case lost == "":
		return c.Title + " · scrapelog"
	case c.Section == "/":
		return lost + " lost · scrapelog"
	default:
		return lost + " lost · " + c.Title + " · scrapelog"
	}
}

// LostShown is how many scrapers are lost, as titles show it: "3", "1,000+".
func LostShown(l projections.Losses) string { return upTo(l.Lost, projections.LossesCounted) }

// lostShown is how many scrapers are lost; empty for none.
func (c Chrome) lostShown() string {
	if c.Lost == 0 {
		return ""
	}
	return LostShown(c.Losses)
}

// icon is the sign of the page in its tab.
func (c Chrome) icon() string {
	if c.Lost > 0 {
		return "favicon-lost.svg"
	}
	return "favicon.svg"
}

// Standing is what is in no event of the log.
type Standing struct {
	Sealing   string    // why the log is not sealed; empty: it is
	SealedAt  time.Time // when it was sealed last
	Instances int       // how many serve the database, or Unknown
	Away      Trouble   // the database does not answer
	File      Trouble   // the configuration file was read again and refused
}

// Unknown is the number of instances while the database is away.
const Unknown = -1

// Trouble is what is wrong since an instant; the zero value: nothing is.
type Trouble struct {
	Since time.Time
	Why   string
}

// section is an entry of the menu.
type section struct{ path, name, icon, key string }

// onPhone is how many of pagesOfRuns stand in the bar of a phone.
const onPhone = 4

var (
	pagesOfRuns = []section{
		{"/", "Overview", "activity", "o"}, {"/scrapers", "Scrapers", "radar", "s"}, {"/runs", "Runs", "list", "r"},
		{"/outages", "Outages", "unplug", "u"}, {"/events", "Log", "scroll-text", "l"}, {"/audit", "Proof", "shield-check", "p"},
	}
	pagesOfService = []section{{"/projections", "System", "server", ""}, {"/docs", "Docs", "book-open", ""}}
	pageOfPeople   = section{"/people", "People", "users", ""} // of admins
)

// shortcuts are the keys of the pages, as docs/keys.md explains them.
var shortcuts = []struct{ keys, does string }{
	{"g o", "Overview"}, {"g s", "Scrapers"}, {"g r", "Runs"}, {"g u", "Outages"}, {"g l", "Log"}, {"g p", "Proof"},
	{"j", "next row"}, {"k", "row before"}, {"Enter", "open the row"}, {"x", "select the row"},
	{"r", "run the scraper"}, {"p", "pause or resume the scraper"}, {"c", "copy the id"},
	{"[", "event before"}, {"]", "next event"}, {"t", "times: relative, UTC, local"},
	{"/", "search on the page"}, {"?", "these keys"},
}

// RefreshOnAny is the trigger that fetches a page after any change, at most once a second.
// The script says when to show a change: not while a pointer is on its way to a row.
const RefreshOnAny = "show from:#live throttle:1s"

// RefreshRows is RefreshOnAny for a list to whose top rows are added: they wait while
// somebody reads.
const RefreshRows = "rows from:#live throttle:1s"

// RefreshUntilBack is the trigger that fetches a page until it can be answered.
const RefreshUntilBack = "every 2s"

// RefreshOverview does so on every beat too, since ages of beats are in no event.
const RefreshOverview = RefreshOnAny + ", tick from:#live"

// RefreshOn returns the trigger that fetches a page when one of the streams gets an event.
// Only well-formed stream names may become part of a trigger; others are left out.
func RefreshOn(streams ...string) string {
	var words []string
	for _, stream := range streams {
		name, isScraper := strings.CutPrefix(stream, domain.ScraperStream(""))
		if _, err := uuid.Parse(strings.TrimPrefix(stream, "run-")); err == nil || isScraper && domain.ValidScraperName(name) {
			words = append(words, stream+" from:#live throttle:1s")
		}
	}
	if len(words) == 0 {
		return ""
	}
	return strings.Join(append(words, "refresh from:#live"), ", ")
}

// RefreshOnRun returns the trigger that fetches a run's page when the run or another run
// on the page changes, and on every beat while it runs, since its signs of life are in no
// event.
func RefreshOnRun(p RunPage) string {
	streams := []string{domain.RunStream(p.ID)}
	for _, r := range p.Chain {
		if r.ID != p.ID {
			streams = append(streams, domain.RunStream(r.ID))
		}
	}
	words := RefreshOn(streams...)
	if p.Status == domain.StatusRunning {
		words += ", beat from:#live"
	}
	return words
}
