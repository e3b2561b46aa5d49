package pages

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore/feed"
	"scrapelog/projections"
)

func statusURL(s domain.RunStatus) templ.SafeURL { return templ.SafeURL("/runs?status=" + string(s)) }

// health says how many scrapers there are, and whether all is well.
func (o Overview) health() string {
	n := o.Scrapers
	switch {
	case n.All == 0:
		return "No scrapers"
	case n.Lost > 0:
		return plural(n.All, "scraper") + ","
	case o.MoreOverdue:
		return plural(n.All, "scraper") + ", more than " + number(int64(len(o.Overdue))) + " overdue"
	case len(o.Overdue) > 0:
		return plural(n.All, "scraper") + ", " + number(int64(len(o.Overdue))) + " overdue"
	case n.Paused == n.All:
		return plural(n.All, "scraper") + ", all paused"
	}
	text := "All " + plural(n.All, "scraper") + " are fine"
	if n.All == 1 {
		text = "The scraper is fine"
	}
	if n.Paused > 0 {
		text += ", " + number(n.Paused) + " paused"
	}
	return text
}

func (o Overview) lostText() string {
	if o.Scrapers.Lost == 0 {
		return ""
	}
	return plural(o.Scrapers.Lost, "connection") + " lost"
}

// outlook is the second line: what is away, or what comes next.
func (o Overview) outlook() string {
	losses := o.losses()
	switch {
	case len(losses) == 1:
		return "One origin is away: " + losses[0].origin + ". Scraping resumes when it answers."
	case len(losses) > 1:
		return plural(int64(len(losses)), "origin") + " are away. Scraping resumes when they answer."
	}
	return nextText(o.Due, o.Lanes.Until)
}

// nextText names the scraper with the nearest slot. A slot that came due while nothing
// ran is past, and the next one may be later than another scraper's.
func nextText(due []projections.Scraper, now time.Time) string {
	due = slices.DeleteFunc(slices.Clone(due), func(s projections.Scraper) bool { return s.NextSlot.IsZero() || s.AfterRecovery })
	if len(due) == 0 {
		return "Nothing is scheduled."
	}
	next := slices.MinFunc(due, func(a, b projections.Scraper) int { return a.NextSlot.Compare(b.NextSlot.Time) })
	if !next.NextSlot.After(now) {
		return "Next: " + next.Name + ", now."
	}
	return "Next: " + next.Name + " in " + age(next.NextSlot.Sub(now)) + "."
}

// originLoss is what is lost at one origin.
type originLoss struct {
	origin   string
	since    time.Time
	cause    domain.Cause
	scrapers []Loss
}

// losses groups the lost scrapers by origin, the longest loss first.
func (o Overview) losses() (groups []originLoss) {
	for _, l := range o.Lost {
		if l.Unwatched() {
			continue
		}
		origin := domain.OriginOf(l.Config.URL)
		i := slices.IndexFunc(groups, func(g originLoss) bool { return g.origin == origin })
		if i < 0 {
			i = len(groups)
			groups = append(groups, originLoss{origin: origin, since: l.Connection.Since.Time, cause: l.Connection.Cause})
		}
		groups[i].scrapers = append(groups[i].scrapers, l)
	}
	return groups
}

// shown are the scrapers that a card lists.
func (l originLoss) shown() []Loss { return l.scrapers[:min(len(l.scrapers), 5)] }

func (l originLoss) text() string { return l.origin + ": " + causeText(l.cause) }

// unwatched lists the scrapers whose attached runs were stopped with their tabs.
func (o Overview) unwatched() (waiting []Loss) {
	for _, l := range o.Lost {
		if l.Unwatched() {
			waiting = append(waiting, l)
		}
	}
	return waiting
}

// step is a station between a loss and the new runs.
type step struct {
	name, text string
	at         time.Time
	state      string // "done", "now" or "next"
}

func (l originLoss) steps() []step {
	back := 0
	for _, s := range l.scrapers {
		if s.Restored {
			back++
		}
	}
	steps := []step{
		{"Lost", "", l.since, "done"},
		{"Probing", "until it answers", time.Time{}, "now"},
		{"Connection back", "", time.Time{}, "next"},
		{"New runs", plural(int64(len(l.scrapers)), "scraper") + " waiting", time.Time{}, "next"},
	}
	if back > 0 {
		steps[1].state, steps[2].state, steps[2].text = "done", "now", number(int64(back))+" of "+number(int64(len(l.scrapers)))
	}
	return steps
}

// endText says in a few words how a run ended.
func endText(r projections.Run) string {
	switch r.Status {
	case domain.StatusCompleted:
		text := "in " + Took(r.EndedAt.Sub(r.StartedAt.Time))
		if r.Items != nil {
			text = plural(*r.Items, "item") + " " + text
		}
		if r.Recovers != uuid.Nil {
			text = "recovered " + short(r.Recovers) + ", " + text
		}
		return text
	case domain.StatusRunning:
		return ""
	case domain.StatusFailed, domain.StatusConnectionFailed, domain.StatusCancelled:
	}
	return why(Run{Run: r})
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
