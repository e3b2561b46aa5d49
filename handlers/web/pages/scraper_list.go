package pages

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/projections"
)

// ScraperRow is a scraper with its last runs, the newest first.
type ScraperRow struct {
	projections.Scraper
	Last []projections.Run
}

// BarsShown is how many runs of a scraper its row draws.
const BarsShown = 40

// summary says how many scrapers there are, and in which state.
func (l ScraperList) summary() string {
	if l.All.All == 0 {
		return ""
	}
	parts := []string{plural(l.All.All, "scraper")}
	if l.All.Lost > 0 {
		parts = append(parts, number(l.All.Lost)+" lost")
	}
	if l.All.Paused > 0 {
		parts = append(parts, number(l.All.Paused)+" paused")
	}
	return strings.Join(parts, ", ")
}

// originGroup are the scrapers of a page with one origin.
type originGroup struct {
	origin   string
	scrapers []ScraperRow
}

// groups are the scrapers of the page by origin. An origin that is lost comes first.
func (l ScraperList) groups() (groups []originGroup) {
	for _, s := range l.Scrapers {
		origin := cmp.Or(domain.OriginOf(s.Config.URL), "without an origin")
		i := slices.IndexFunc(groups, func(g originGroup) bool { return g.origin == origin })
		if i < 0 {
			i, groups = len(groups), append(groups, originGroup{origin: origin})
		}
		groups[i].scrapers = append(groups[i].scrapers, s)
	}
	slices.SortStableFunc(groups, func(a, b originGroup) int {
		return cmp.Or(cmp.Compare(min(b.lost(), 1), min(a.lost(), 1)), cmp.Compare(a.origin, b.origin))
	})
	return groups
}

func (g originGroup) lost() (n int) {
	for _, s := range g.scrapers {
		if s.Lost() {
			n++
		}
	}
	return n
}

func (g originGroup) summary() string {
	text := plural(int64(len(g.scrapers)), "scraper")
	if lost := g.lost(); lost > 0 {
		text += ", " + number(int64(lost)) + " lost"
	}
	return text
}

// tally is what the last runs come to.
func (s ScraperRow) tally() (n laneTally) {
	for _, r := range s.Last {
		n.count(r)
	}
	return n
}

// duration is the median of the last completed runs.
func (s ScraperRow) duration() string {
	var took []time.Duration
	for _, r := range s.Last {
		if r.Status == domain.StatusCompleted {
			took = append(took, r.EndedAt.Sub(r.StartedAt.Time))
		}
	}
	if len(took) == 0 {
		return ""
	}
	slices.Sort(took)
	return Took(took[len(took)/2])
}

// items are those of the last completed run.
func (s ScraperRow) items() string {
	for _, r := range s.Last {
		if r.Items != nil {
			return number(*r.Items)
		}
	}
	return ""
}

// sentence describes the bars to those who do not see them.
func (s ScraperRow) sentence() string {
	return fmt.Sprintf("The last %s: %s", plural(int64(len(s.Last)), "run"), s.tally().text())
}

// The measures of the bars in pixels.
const (
	lastHigh = 24
	lastWide = 3
	barStep  = 4
)

// bars draws the last runs, a path for each look. A bar is as high as the run took long:
// a lost one has a torn top, a failed one a gap, a cancelled one is a strip.
func (s ScraperRow) bars() (bars []laneBar) {
	longest := time.Millisecond
	for _, r := range s.Last {
		if r.Status.Final() {
			longest = max(longest, r.EndedAt.Sub(r.StartedAt.Time))
		}
	}
	for i, r := range s.Last {
		part := 1.0
		if r.Status.Final() {
			part = float64(r.EndedAt.Sub(r.StartedAt.Time)) / float64(longest)
		}
		class := "bar bar-" + string(r.Status)
		if r.Recovers != uuid.Nil && r.Status == domain.StatusCompleted {
			class += " bar-recovery"
		}
		at := slices.IndexFunc(bars, func(b laneBar) bool { return b.class == class })
		if at < 0 {
			at, bars = len(bars), append(bars, laneBar{class: class})
		}
		bars[at].path += lastPath(r.Status, (BarsShown-1-i)*barStep, max(3, int(part*(lastHigh-1))))
	}
	return bars
}

func lastPath(s domain.RunStatus, x, high int) string {
	top := lastHigh - high
	switch s {
	case domain.StatusRunning, domain.StatusCompleted:
	case domain.StatusFailed:
		middle := lastHigh - max(high, 9)/2
		return fmt.Sprintf("M%d %dh3V%dh-3zM%d %dh3V%dh-3z", x, min(top, lastHigh-9), middle-2, x, middle+1, lastHigh)
	case domain.StatusCancelled:
		return fmt.Sprintf("M%d %dh3v3h-3z", x, lastHigh-3)
	case domain.StatusConnectionFailed:
		top = min(top, lastHigh-9)
		return fmt.Sprintf("M%d %dl1.5 4l1.5 -4V%dh-3z", x, top, lastHigh)
	}
	return fmt.Sprintf("M%d %dh%dV%dh-%dz", x, top, lastWide, lastHigh, lastWide)
}

// Several is what became of a selection of scrapers.
type Several struct {
	Do string // "pause", "resume" or "run"
	Of []Outcome
}

// Outcome is what became of one of them.
type Outcome struct {
	Scraper  string
	Says     string
	Refused  bool
	Position int64     // of the event that was recorded; 0: none was
	Run      uuid.UUID // that was started, or is in the way
}

// Refusal is the text of a refusal.
func Refusal(title, detail string) string { return sentenceCase(clean(cmp.Or(detail, title))) + "." }

// changed are the scrapers of which an event was recorded.
func (d Several) changed() (names []string) {
	for _, o := range d.Of {
		if o.Position > 0 {
			names = append(names, o.Scraper)
		}
	}
	return names
}

// title says how many of them it was done with.
func (d Several) title() string {
	done := map[string]string{"pause": "paused", "resume": "resumed", "run": "started"}[d.Do]
	if n := len(d.changed()); n < len(d.Of) {
		return fmt.Sprintf("%s of %s %s", number(int64(n)), plural(int64(len(d.Of)), "scraper"), done)
	}
	return plural(int64(len(d.Of)), "scraper") + " " + done
}

// undo is what takes it back; empty: nothing does.
func (d Several) undo() string {
	if len(d.changed()) == 0 {
		return ""
	}
	return map[string]string{"pause": "resume", "resume": "pause"}[d.Do]
}
