package client

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/google/uuid"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/handlers/words"
	"scrapelog/projections"
)

// How the screen is divided.
const (
	pageFrame = 4 // lines around those of a page
	stateWide = 16
	longName  = 24
	extraMost = 6 // lines about reasons, warnings and outages
	sideWide  = 2 + 2 + 2 + 2
)

const keyLine = "q quit  j k move  Enter story  s start  p pause  / filter  ? keys"

func (m *top) View() tea.View {
	lines := m.listLines()
	if m.page != nil {
		lines = m.pageLines()
	}
	v := tea.NewView(strings.Join(lines, "\n"))
	v.AltScreen, v.WindowTitle = true, "scrapelog top"
	return v
}

func (m *top) listLines() []string {
	lines := append(m.head(), "", m.titles())
	for _, name := range m.visible() {
		lines = append(lines, m.row(name))
	}
	if len(m.shown) == 0 {
		lines = append(lines, m.line(m.nothing()))
	}
	for len(lines) < m.height-1 {
		lines = append(lines, "")
	}
	return append(lines[:min(len(lines), max(1, m.height-1))], m.foot())
}

func (m *top) line(text string) string { return strings.TrimRight(term.Place(text, m.width), " ") }

// head says how the server is.
func (m *top) head() []string {
	lines := []string{m.between("scrapelog  "+m.c.shown, m.state())}
	if m.heard.IsZero() {
		return lines
	}
	s := m.status
	lines = append(lines, m.line(s.counted()))
	lines = append(lines, m.extra()...)
	var after []string
	if s.NextSlot != nil {
		after = append(after, "next slot "+m.until(s.NextSlot.At)+": "+s.NextSlot.Scraper)
	}
	verified := "log not verified yet"
	if v := s.Verified; v != nil {
		verified = fmt.Sprintf("log verified %s: %s", term.Age(v.At, m.now), v.Result)
	}
	return append(lines, m.line(strings.Join(append(after, verified), " · ")))
}

// between puts one text at the left and one at the right.
func (m *top) between(left, right string) string {
	wide := min(len([]rune(right)), m.width)
	return term.Place(left, m.width-wide-1) + " " + right
}

func (m *top) state() string {
	switch {
	case m.heard.IsZero() && m.lost == nil:
		return "asking…"
	case m.lost != nil && m.heard.IsZero():
		return "no answer"
	case m.lost != nil:
		return "no answer since " + m.heard.Format(time.TimeOnly)
	case !m.status.Ready:
		return "not ready · " + m.heard.Format(time.TimeOnly)
	}
	return "ready · " + m.heard.Format(time.TimeOnly)
}

func (s status) counted() string {
	parts := []string{words.Count(int64(s.Scrapers.Total), "scraper")}
	for _, of := range []struct {
		n    int
		word string
	}{
		{len(s.Scrapers.Lost), "lost"}, {len(s.Scrapers.Failing), "failing"}, {len(s.Scrapers.Overdue), "overdue"},
		{len(s.Scrapers.Paused), "paused"}, {len(s.OpenRuns), "running"},
	} {
		if of.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", of.n, of.word))
		}
	}
	return strings.ReplaceAll(strings.Join(parts, " · "), words.Unit, " ")
}

// extra says what is wrong.
func (m *top) extra() (lines []string) {
	if m.lost != nil {
		lines = append(lines, m.out.Paint(domain.StatusFailed, m.line("asking again: "+m.lost.Error())))
	}
	for _, reason := range m.status.Reasons {
		lines = append(lines, m.out.Paint(domain.StatusFailed, m.line("because "+reason)))
	}
	for _, o := range m.status.OpenOutages {
		v := o.view
		text := fmt.Sprintf("outage for %s of %s: %s, %s lost", m.since(v.StartedAt.Time), v.Origin, v.Cause, words.Count(v.RunsLost, "run"))
		lines = append(lines, m.out.Paint(domain.StatusConnectionFailed, m.line(strings.ReplaceAll(text, words.Unit, " "))))
	}
	for _, warning := range m.status.Warnings {
		lines = append(lines, m.line("warning: "+warning))
	}
	most := min(extraMost, max(1, m.height/4))
	if more := len(lines) - most; more > 0 {
		lines = append(lines[:most-1], fmt.Sprintf("and %d more", more+1))
	}
	return lines
}

func (m *top) nothing() string {
	switch {
	case m.heard.IsZero() && m.lost != nil:
		return "asking again: " + m.lost.Error()
	case m.heard.IsZero():
		return ""
	case m.filter != "":
		return fmt.Sprintf("no scraper has %q in its name; Esc shows all", m.filter)
	}
	return "no scraper yet: add one to the configuration file, or with \"scrapelog scrapers apply\""
}

func (m *top) foot() string {
	switch {
	case m.question != nil:
		return m.line(m.question.text + m.question.answer + "▏")
	case m.said != "":
		return m.line(m.said)
	case m.filter != "":
		return m.line(fmt.Sprintf("names with %q; Esc shows all", m.filter))
	}
	return m.line(keyLine)
}

// nameWide is the width of the names.
func (m *top) nameWide() int {
	wide := len("SCRAPER")
	for _, name := range m.shown {
		wide = max(wide, len(name))
	}
	return min(wide, longName, max(narrowName, m.width-sideWide-stateWide-8))
}

const narrowName = 8

// lanePlaces is the width of a line of time, at most a day.
func (m *top) lanePlaces() int {
	return min(max(0, m.width-sideWide-stateWide-m.nameWide()), int(24*time.Hour/projections.LaneSlotSize))
}

func (m *top) titles() string {
	places := m.lanePlaces()
	hours := fmt.Sprintf("LAST %d H", places/int(time.Hour/projections.LaneSlotSize))
	return m.line("    " + term.Place("SCRAPER", m.nameWide()) + "  " + term.Place(hours, places) + "  STATE")
}

func (m *top) row(name string) string {
	s, _ := m.scraper(name)
	cursor := "  "
	if name == m.selected {
		cursor = "▸ "
	}
	sign, text := m.stateOf(s)
	row := cursor + m.out.Paint(sign.status, sign.sign) + " " + term.Place(name, m.nameWide()) + "  "
	row += paintLane(m.out, laneOf(s, m.lanes[name], m.lanePlaces(), m.now)) + "  "
	return row + m.out.Paint(sign.status, strings.TrimRight(term.Place(text, stateWide), " "))
}

// stateOf says how a scraper is, in one mark and a few words.
func (m *top) stateOf(s projections.Scraper) (mark, string) {
	switch {
	case s.OpenRun != uuid.Nil:
		return open, "running " + m.since(s.LastRun.StartedAt.Time)
	case s.Paused:
		return mark{"‖", domain.StatusCancelled}, "paused"
	case s.Lost():
		return marks[domain.StatusConnectionFailed], "lost " + term.Age(s.Connection.Since.Time, m.now)
	}
	sign := cmp.Or(marks[s.LastRun.Status], quiet)
	switch next := s.NextSlot.Time; {
	case s.LastRun.Status == domain.StatusCompleted:
		sign.sign = "✓"
		fallthrough
	default:
		if !s.OverdueSince.IsZero() {
			return sign, "overdue " + m.since(s.OverdueSince.Time)
		}
		if next.IsZero() {
			return sign, "by hand"
		}
		return sign, "next " + m.until(next)
	}
}

// since returns how long ago an instant was.
func (m *top) since(t time.Time) string { return strings.TrimSuffix(term.Age(t, m.now), " ago") }

// until returns how long it is until a slot.
func (m *top) until(slot time.Time) string {
	if slot.Before(m.now) {
		return "now"
	}
	return term.Age(slot, m.now)
}

func (m *top) pageLines() []string {
	p, high := m.page, max(1, m.height-pageFrame)
	lines := []string{m.line(p.title), ""}
	for _, line := range p.lines[min(p.first, len(p.lines)):min(p.first+high, len(p.lines))] {
		lines = append(lines, m.line(line))
	}
	for len(lines) < m.height-1 {
		lines = append(lines, "")
	}
	foot := "Esc back"
	if len(p.lines) > high {
		foot += "  j k move  " + fmt.Sprintf("%d to %d of %d lines", p.first+1, min(p.first+high, len(p.lines)), len(p.lines))
	}
	return append(lines, m.line(foot))
}

// rows is how many scrapers are on the screen.
func (m *top) rows() int { return max(1, m.height-len(m.head())-3) }

func (m *top) visible() []string {
	return m.shown[min(m.first, len(m.shown)):min(m.first+m.rows(), len(m.shown))]
}

// scroll brings the chosen scraper onto the screen.
func (m *top) scroll() {
	at, rows := max(0, slices.Index(m.shown, m.selected)), m.rows()
	m.first = max(0, min(m.first, at, len(m.shown)-rows), at-rows+1)
}

func (m *top) scraper(name string) (projections.Scraper, bool) {
	i := slices.IndexFunc(m.status.all, func(s projections.Scraper) bool { return s.Name == name })
	if i < 0 {
		return projections.Scraper{}, false
	}
	return m.status.all[i], true
}
