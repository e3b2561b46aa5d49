package pages

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"scrapelog/domain"
	"scrapelog/eventstore/feed"
	"scrapelog/projections"
)

func statusURL(s domain.RunStatus) templ.SafeURL { return templ.SafeURL("/runs?status=" + string(s)) }

// soonest puts the nearest slot first. A slot that came due while nothing
// ran is past, and the next one may be later than another scraper's.
func soonest(due []projections.Scraper) []projections.Scraper {
	due = slices.DeleteFunc(slices.Clone(due), func(s projections.Scraper) bool { return s.NextSlot.IsZero() })
	slices.SortStableFunc(due, func(a, b projections.Scraper) int { return a.NextSlot.Compare(b.NextSlot.Time) })
	return due
}

func dueText(due, now time.Time) string {
	if !due.After(now) {
		return "now"
	}
	return age(due.Sub(now))
}

// unitKept matches a number of seconds in a text.
var unitKept = regexp.MustCompile(`(\d) (s)\b`)

// WaitingText returns what the recovery of a lost connection waits for: settings of people
// first, then what the service itself waits for.
func WaitingText(l Loss) string {
	switch {
	case l.Removed:
		return "the scraper was removed; no run starts"
	case !l.Config.Recovery.Enabled:
		return "recovery is disabled; no run starts before the next slot"
	case l.Paused && l.Restored:
		return "the scraper is paused; a new scrape starts when it is resumed"
	case l.Paused:
		return "the scraper is paused; a new scrape starts when it is resumed and the connection is back"
	case strings.HasPrefix(l.Waiting, "waits "):
		return "recovery " + unitKept.ReplaceAllString(clean(l.Waiting), "$1"+unit+"$2")
	case l.Connection.Link == domain.LinkWatcher:
		return "a new scrape starts when its watcher is back"
	case l.Restored:
		return "a new scrape is about to start"
	}
	return "a new scrape starts as soon as a probe is answered"
}

// blockedText returns the names of the blocked consumer groups.
func blockedText(groups []feed.Group) string {
	var names []string
	for _, g := range groups {
		if g.BlockedBy != "" {
			names = append(names, g.Name)
		}
	}
	return strings.Join(names, ", ")
}

// lagText returns how far the slowest consumer group is behind.
func lagText(groups []feed.Group) string {
	var most feed.Group
	for _, g := range groups {
		if g.Lag > most.Lag {
			most = g
		}
	}
	if most.Lag == 0 {
		return "Every projection is up to date."
	}
	return "Slowest: " + most.Name + ", " + plural(most.Lag, "event") + " behind."
}
