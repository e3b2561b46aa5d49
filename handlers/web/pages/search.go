package pages

import (
	"strings"

	"github.com/a-h/templ"

	"scrapelog/docs"
	"scrapelog/projections"
)

// Hit is a row of a search: a page to go to, or something to do.
type Hit struct {
	Icon, Name, Note string
	URL              templ.SafeURL // where it leads
	Post             bool          // URL is where its form is sent
	Ask              bool          // URL is a page that asks first
	Press            string        // instead of a URL: the id of the button that it presses
	Follow           bool          // its form leads to the page to go on with
}

// ScraperHit leads to a scraper.
func ScraperHit(s projections.Scraper) Hit {
	return Hit{Icon: "radar", Name: clean(s.Name), Note: scraperNote(s), URL: scraperURL(s.Name)}
}

func scraperNote(s projections.Scraper) string {
	switch {
	case s.Lost():
		return "scraper, connection lost"
	case s.Paused:
		return "scraper, paused"
	}
	return "scraper"
}

// ActionHits are what may be done to a scraper; with a verb, only that.
func ActionHits(s projections.Scraper, verb string) (hits []Hit) {
	name := clean(s.Name)
	add := func(of string, h Hit) {
		if verb == "" || verb == of {
			hits = append(hits, h)
		}
	}
	if !s.Paused {
		add("run", Hit{Icon: "play", Name: "Run " + name, Note: "starts a run", URL: scraperURL(s.Name) + "/runs", Post: true, Follow: true})
		add("pause", Hit{Icon: "pause", Name: "Pause " + name + "…", Note: "asks for a reason", URL: pauseURL(s.Name), Ask: true})
	} else {
		add("resume", Hit{Icon: "play", Name: "Resume " + name, Note: "ends the pause", URL: scraperURL(s.Name) + "/resume", Post: true})
	}
	return hits
}

// RunHit leads to a run.
func RunHit(r projections.Run) Hit {
	return Hit{Icon: statusIcons[r.Status], Name: short(r.ID), Note: "run of " + clean(r.Scraper) + ", " + strings.ToLower(statusText(r.Status)), URL: runURL(r.ID)}
}

// EventHit leads to an event.
func EventHit(position int64) Hit {
	return Hit{Icon: "scroll-text", Name: "Event " + number(position), Note: "event", URL: eventURL(position)}
}

// DocumentHit leads to a document.
func DocumentHit(d docs.Document) Hit {
	return Hit{Icon: "book-open", Name: d.Title, Note: "document", URL: templ.SafeURL("/docs/" + d.Name)}
}

// commands are what the palette does beside going to a page, by the words that find them.
var commands = []struct {
	words string
	Hit
}{
	{"verify proof audit", Hit{Icon: "shield-check", Name: "Verify the log", Note: "reads every event", URL: "/audit/verify", Post: true, Follow: true}},
	{"notices channels", Hit{Icon: "scroll-text", Name: "Notices", Note: "page", URL: "/notices"}},
	{"theme dark light system", Hit{Icon: "sun-moon", Name: "Change the theme", Note: "system, light, dark", Press: "theme"}},
	{"times time zone utc local relative", Hit{Icon: "clock", Name: "Change the times", Note: "relative, UTC, local", Press: "zone"}},
	{"keys keyboard shortcuts help ?", Hit{Icon: "list", Name: "Keys", Note: "every key", Press: "show-keys"}},
}

// PageHits are the pages and commands that a text names; without a text all of them.
func PageHits(text string) (hits []Hit) {
	for _, s := range allSections() {
		if wordsBegin(s.name+" "+s.path[1:], text) {
			hits = append(hits, Hit{Icon: s.icon, Name: s.name, Note: "page", URL: templ.SafeURL(s.path)})
		}
	}
	for _, c := range commands {
		if wordsBegin(c.words, text) {
			hits = append(hits, c.Hit)
		}
	}
	return hits
}

// wordsBegin reports whether each word of a text begins one of the words.
func wordsBegin(words, text string) bool {
	all := strings.Fields(strings.ToLower(words))
	for _, part := range strings.Fields(text) {
		found := false
		for _, word := range all {
			found = found || strings.HasPrefix(word, part)
		}
		if !found {
			return false
		}
	}
	return true
}

func allSections() []section {
	return append(append([]section{}, pagesOfRuns...), pagesOfService...)
}

// Sections are the names of the pages, as paths have them and as the menu has them.
func Sections() (names []string) {
	for _, s := range allSections() {
		names = append(names, strings.ToLower(s.name))
		if s.path != "/" {
			names = append(names, s.path[1:])
		}
	}
	return names
}
