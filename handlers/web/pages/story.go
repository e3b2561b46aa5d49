package pages

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/projections"
)

// recovers is the lost run that the started one stands in for.
func recovers(e Event) uuid.UUID {
	started, _ := e.Is.(domain.RunStarted)
	return started.Recovers
}

// chainTicks are the distances between the lines of a chain's axis, the shortest first.
var chainTicks = []time.Duration{
	time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second, 5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute,
	15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour,
}

// drawing returns the chain of a run as lanes draw it: one lane, from the start of its
// first run to the end of its last one.
func (p RunPage) drawing(now time.Time) (Lanes, Lane) {
	first, last := p.Chain[0], p.Chain[len(p.Chain)-1]
	until := now
	switch {
	case last.Status.Final() && (p.Standing || !last.RestoredAt.IsZero()) && last.RestoredAt.After(last.EndedAt.Time):
		until = last.RestoredAt
	case last.Status.Final() && !p.Standing:
		until = last.EndedAt.Time
	}
	span := max(until.Sub(first.StartedAt.Time), 10*time.Millisecond)
	l := Lanes{Range: Range{Span: span + span/50, tick: tickFor(span)}, Until: first.StartedAt.Add(span + span/50), Large: true, Still: true}
	var lane Lane
	for i := range p.Chain {
		lane.Runs = append(lane.Runs, p.Chain[len(p.Chain)-1-i])
	}
	if p.Standing && last.RestoredAt.IsZero() {
		lane.Connection = projections.Connection{State: projections.ConnectionLost, Since: last.EndedAt, Link: last.Link}
	}
	return l, lane
}

// tickFor is the distance of at most ten lines across so long a time.
func tickFor(span time.Duration) time.Duration {
	for _, tick := range chainTicks {
		if span/tick <= 10 {
			return tick
		}
	}
	return chainTicks[len(chainTicks)-1]
}

// offsets is the axis of a chain: lines at full lengths of time since its start.
func (l Lanes) offsets() (marks []axisMark) {
	for d := time.Duration(0); d < l.Range.Span*24/25; d += l.Range.tick {
		marks = append(marks, axisMark{l.seconds(d), l.percent(d), "+" + rounded(d)})
	}
	return marks
}

// percent is how far to the right a length of time lies.
func (l Lanes) percent(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(l.Range.Span)*100, 'f', 2, 64) + "%"
}

// offset is how far into the run an event was recorded.
func (p RunPage) offset(e Event) string {
	return "+" + Took(e.occurred().Sub(p.StartedAt.Time).Truncate(time.Millisecond))
}

// occurred is when what the event tells of happened.
func (e Event) occurred() time.Time {
	if e.Is == nil {
		return e.RecordedAt
	}
	return e.Is.OccurredAt()
}

// told is the summary of an event on the page of its run, which names the scraper.
func (p RunPage) told(e Event) string {
	if e.Is == nil {
		return clean(e.Type) + ": " + e.Summary
	}
	return sentenceCase(strings.TrimPrefix(e.Summary, clean(p.Scraper)+": "))
}

// restartText is the line of the run that stood in for a lost one.
func (p RunPage) restartText() string {
	return fmt.Sprintf("Restarted as %s", short(p.Next.ID))
}

// without reports whether a fact is left out: the run has none of the kind, or its badge
// and the detail of its end tell it. A lost connection is back or not: that is told.
func (p RunPage) without(v value) bool {
	lost := p.Status == domain.StatusConnectionFailed && (v.name == "Connection back" || v.name == "Recovered by")
	toldAbove := v.name == "Status" || v.name == "Cause" || v.name == "Detail" || v.name == "Last heard"
	return toldAbove || v.empty() && !lost && (v.name != "Duration" || p.AsOf != nil)
}

// isChosen reports whether an event is told in detail.
func (p RunPage) isChosen(e Event) bool { return p.Chosen.Position == e.Position }

// beside returns the event so many after the chosen one; nil: there is none.
func (p RunPage) beside(by int) *Event {
	i := slices.IndexFunc(p.Events, p.isChosen) + by
	if i < 0 || i >= len(p.Events) {
		return nil
	}
	return &p.Events[i]
}

// Told returns the position of the event that a run's page tells of when none is asked
// for: the loss of a lost run, of another run its last event.
func (p RunPage) Told() int64 {
	if p.AsOf == nil {
		for _, e := range p.Events {
			if e.kind() == "event-lost" {
				return e.Position
			}
		}
	}
	return p.Events[len(p.Events)-1].Position
}

// attachedText says what closing the tab does to an attached run.
func attachedText(p RunPage) string {
	switch {
	case p.Watcher == "":
		return ""
	case p.Status.Final():
		return "It was attached to the tab or command that started it."
	}
	return "It is attached to the tab or command that started it. When that is closed and does not return within watcher_grace, the run is stopped. This is not counted as an outage; a new run starts when it is back."
}

// glyphs are the icons of events, by kind.
var glyphs = map[string]string{
	"run.started": "play", "run.connection_lost": "unplug", "run.connection_restored": "plug", "run.completed": "circle-check",
	"run.failed": "circle-x", "run.cancelled": "ban", "scraper.configured": "settings-2", "scraper.paused": "pause", "scraper.resumed": "play",
	"scraper.removed": "square", "scraper.scrape_skipped": "skip-forward", "scraper.overdue": "clock", "log.accepted": "shield-check",
}

// glyph is the icon of an event. The start of a recovery run has its own.
func (e Event) glyph() string {
	if recovers(e) != uuid.Nil {
		return "rotate-cw"
	}
	if icon, known := glyphs[e.Type]; known {
		return icon
	}
	return "scroll-text"
}
