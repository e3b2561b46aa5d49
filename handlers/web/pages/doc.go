// Package pages renders what people see. Every function here takes a plain view
// model and writes HTML; nothing reads a clock, a request or a database, so that
// each page can be rendered in each of its states from canned data.
//
// What a scraper said ends up in these pages. templ escapes it; [clean] makes
// visible what would not be seen, such as control characters and reversed text.
package pages

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// Chrome is what surrounds a page.
type Chrome struct {
	Title    string
	Section  string    // the entry of the menu that the page belongs to: "/runs"
	URL      string    // path and query, to fetch the page anew
	Refresh  string    // the live events that fetch it anew, in htmx's words; empty: none
	Position int64     // how far the log was when the page was made
	Now      time.Time // when it was made
	Notice   *Notice   // what an action recorded
	OpenTo   string    // the address that other machines reach without a login; empty: there is none
}

// Notice answers an action with what was recorded.
type Notice struct {
	Position int64
	Summary  string
}

var sections = []struct{ path, name string }{
	{"/", "Overview"}, {"/runs", "Runs"}, {"/scrapers", "Scrapers"}, {"/events", "Events"}, {"/projections", "Projections"}, {"/audit", "Audit"},
}

var shortcuts = []struct{ key, does string }{
	{"j", "to the next row"}, {"k", "to the row before"}, {"Enter", "open it"}, {"/", "to the search or filter"}, {"?", "show these keys"},
}

// RefreshOnAny fetches a page anew after any change, at most once a second.
const RefreshOnAny = "position from:#live throttle:1s, refresh from:#live"

// RefreshOverview does so on every beat too, since ages of beats are in no event.
const RefreshOverview = RefreshOnAny + ", beat from:#live"

// RefreshOn fetches a page anew when a thing that one of the streams is about
// changes. Only names of ours may enter htmx's words: any other stream stands still.
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

// RefreshOnRun fetches a run's page anew when the run changes or one that its
// page tells of, and on every beat while it runs, since its signs of life are in
// no event.
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
