package pages

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/projections"
)

var zeroID uuid.UUID

// ScraperPage is one scraper with what its page adds.
type ScraperPage struct {
	projections.Scraper
	Waiting string
	Slots   []time.Time
	Zone    *time.Location
	Tab     Tab
	Runs    []Run // the newest, newest first
	Lanes   Lanes
	Losses  []Outage // likewise

	YAML, Default string          // the configuration, and one in which nothing is set
	History       []Configuration // the newest first
}

// Tab is a part of a scraper's page.
type Tab string

// The tabs.
const (
	TabRuns          Tab = ""
	TabOutages       Tab = "outages"
	TabConfiguration Tab = "configuration"
)

// Tabs lists them in their order.
var Tabs = []Tab{TabRuns, TabOutages, TabConfiguration}

var scraperTabNames = []struct {
	tab  Tab
	name string
}{{TabRuns, "Runs"}, {TabOutages, "Outages"}, {TabConfiguration, "Configuration"}}

// tabURL is the page with another tab open.
func (p ScraperPage) tabURL(tab Tab) templ.SafeURL {
	return scraperURL(p.Name) + templ.SafeURL(query("tab", string(tab), "range", p.Lanes.Range.Name))
}

// Configuration is a configuration of a scraper that was recorded, with what differs from
// the one before.
type Configuration struct {
	Event
	First bool // the one before is not known
	Lines []changedLine
}

// changedLine is a value that came or went, under its whole name.
type changedLine struct {
	text  string
	added bool
}

// by says who configured it.
func (c Configuration) by() string {
	configured, ok := c.Is.(domain.ScraperConfigured)
	if !ok {
		return ""
	}
	return "by " + sourceText(configured.Source) + ", " + c.Actor
}

// NewConfiguration returns a recorded configuration. asYAML is its text, before the text
// of the one before; empty: that is not known.
func NewConfiguration(e Event, asYAML, before string) Configuration {
	c := Configuration{Event: e, First: before == ""}
	if before != "" {
		c.Lines = changedLines(before, asYAML)
	}
	return c
}

// yamlLine is a line of a configuration and the name of the value in it: probe.interval.
type yamlLine struct{ name, text string }

// yamlLines splits a text. Its blocks are indented by two spaces.
func yamlLines(text string) (lines []yamlLine) {
	var parents []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		trimmed := strings.TrimLeft(line, " ")
		depth := min((len(line)-len(trimmed))/2, len(parents))
		key, _, isKey := strings.Cut(trimmed, ":")
		if !isKey || strings.HasPrefix(trimmed, "-") {
			key = trimmed
		}
		parents = append(parents[:depth:depth], key)
		lines = append(lines, yamlLine{strings.Join(parents, "."), line})
	}
	return lines
}

// markedLine is a line of a configuration, and whether it differs from the default.
type markedLine struct {
	text    string
	differs bool
}

// markedLines marks what is not in the default configuration.
func markedLines(text, otherwise string) (marked []markedLine) {
	usual := yamlLines(otherwise)
	for _, l := range yamlLines(text) {
		marked = append(marked, markedLine{clean(brief(l.text, settingShown)), !slices.Contains(usual, l)})
	}
	return marked
}

// changedLines lists the values of a configuration that went and came.
func changedLines(before, after string) (lines []changedLine) {
	was, is := yamlLines(before), yamlLines(after)
	add := func(from, other []yamlLine, added bool) {
		for _, l := range from {
			if !slices.Contains(other, l) {
				text := l.name
				if _, value, isKey := strings.Cut(l.text, ":"); isKey {
					text += ":" + value
				}
				lines = append(lines, changedLine{clean(brief(text, settingShown)), added})
			}
		}
	}
	add(was, is, false)
	add(is, was, true)
	slices.SortStableFunc(lines, func(a, b changedLine) int {
		name := func(l changedLine) string { name, _, _ := strings.Cut(l.text, ":"); return name }
		return strings.Compare(name(a), name(b))
	})
	return lines[:min(len(lines), linesShown)]
}

// linesShown bounds how many changed values of a configuration are listed.
const linesShown = 60

// special reports whether a scraper is lost, on a streak, paused or removed.
func special(p ScraperPage) bool {
	return p.Lost() || p.Streak.Repeats() || !p.OverdueSince.IsZero() || p.Paused || p.Removed
}

// laneLine is a line under a lane, on the same axis.
type laneLine struct {
	label string
	path  string // through the values
	dots  string // a mark for each value: one value is no line
}

// lines are the durations and the items of the completed runs; of a slot the mean of the
// durations and the sum of the items.
func (l Lanes) lines(lane Lane) []laneLine {
	var took, items []point
	for _, r := range slices.Backward(lane.Runs) {
		if r.Status == domain.StatusCompleted && l.shows(r) {
			took = append(took, point{l.at(r.EndedAt.Time), r.EndedAt.Sub(r.StartedAt.Time).Seconds()})
			if r.Items != nil {
				items = append(items, point{l.at(r.EndedAt.Time), float64(*r.Items)})
			}
		}
	}
	for _, s := range lane.Slots {
		if s.Completed > 0 {
			middle := l.at(s.Start.Add(l.Range.Slot / 2))
			took, items = append(took, point{middle, s.Took.Seconds() / float64(s.Completed)}), append(items, point{middle, float64(s.Items)})
		}
	}
	longest, most := highest(took), highest(items)
	per := ""
	if l.Range.Slot > 0 {
		per = " in " + strings.NewReplacer(" 0"+unit+"s", "", " 0"+unit+"min", "").Replace(Took(l.Range.Slot))
	}
	return []laneLine{
		l.line(took, longest, fmt.Sprintf("Duration, up to %s", Took(time.Duration(longest*float64(time.Second))))),
		l.line(items, most, fmt.Sprintf("Items, up to %s%s", number(int64(most)), per)),
	}
}

type point struct {
	at    time.Duration
	value float64
}

func highest(points []point) (most float64) {
	for _, p := range points {
		most = max(most, p.value)
	}
	return most
}

func (l Lanes) line(points []point, most float64, label string) laneLine {
	line := laneLine{label: label}
	var path, dots strings.Builder
	for i, p := range points {
		op := "L"
		if i == 0 {
			op = "M"
		}
		x, y := l.seconds(p.at), 22-20*p.value/max(most, 0.001)
		fmt.Fprintf(&path, "%s%s %.1f", op, x, y)
		fmt.Fprintf(&dots, "M%s %.1fh0", x, y)
	}
	line.path, line.dots = path.String(), dots.String()
	return line
}

// awayPart is the time without a connection, behind the tally.
func (l Lanes) awayPart(lane Lane) string {
	if n := l.tally(lane); n.away > 0 {
		return ", away for " + n.awayText()
	}
	return ""
}
