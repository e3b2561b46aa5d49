package pages

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"scrapelog/domain"
	"scrapelog/projections"
)

// Range is a length of time that lanes show.
type Range struct {
	Name, Word string // "15m", "15 min"
	Span       time.Duration
	Slot       time.Duration // lanes have slots of this size; 0: their runs
	tick       time.Duration // between the lines of the axis
	label      string        // layout of the axis' labels
}

// Ranges lists the ranges, the shortest first.
var Ranges = []Range{
	{"15m", "15 min", 15 * time.Minute, 0, 2 * time.Minute, "15:04"},
	{"1h", "1 h", time.Hour, 0, 10 * time.Minute, "15:04"},
	{"24h", "24 h", 24 * time.Hour, 15 * time.Minute, 3 * time.Hour, "15:04"},
	{"7d", "7 d", 7 * 24 * time.Hour, 2 * time.Hour, 24 * time.Hour, "Mon 2"},
}

// RangeOf returns the range with this name, by default the one named otherwise.
func RangeOf(name, otherwise string) (Range, error) {
	i := slices.IndexFunc(Ranges, func(r Range) bool { return r.Name == cmp.Or(name, otherwise) })
	if i < 0 {
		return Range{}, &domain.FieldError{Field: "range", Problem: fmt.Sprintf("%.40q is not a range", name), Want: "use 15m, 1h, 24h or 7d"}
	}
	return Ranges[i], nil
}

// Lane is a scraper and what it did in a range: its runs, the newest first, with the one
// before the range, or slots, the oldest first.
type Lane struct {
	projections.Scraper
	Runs  []projections.Run
	Slots []projections.LaneSlot
	Cut   bool // there are older runs in the range
}

// Lanes is the log drawn as time, a lane for each scraper.
type Lanes struct {
	Range Range
	Until time.Time
	Of    []Lane
	More  int64 // scrapers that are not drawn
	Large bool
	Still bool // the drawing does not move with the time
}

// laneHigh is the height of a lane in units of its drawing. Across it are seconds.
const laneHigh = 24

// band is a time without a connection.
type band struct{ x, wide, title string }

// seconds writes a length of time as the drawing has it, as exactly as can be seen.
func (l Lanes) seconds(d time.Duration) string {
	digits := 1
	if l.Range.Span < time.Minute {
		digits = 4
	}
	return strconv.FormatFloat(d.Seconds(), 'f', digits, 64)
}

func (l Lanes) from() time.Time { return l.Until.Add(-l.Range.Span) }

// From is the left edge of the drawing.
func (l Lanes) From() time.Time { return l.from() }

// at returns how far an instant is from the left edge of the drawing, not outside of it.
func (l Lanes) at(t time.Time) time.Duration {
	return min(max(0, t.Sub(l.from())), l.Range.Span)
}

// beyond is the right end of what goes on: the drawing moves with the time, and what is
// outside of its viewBox is not seen.
func (l Lanes) beyond() time.Duration { return 2 * l.Range.Span }

// viewBox is the part of the drawing that is seen.
func (l Lanes) viewBox() string { return fmt.Sprintf("0 0 %s %d", l.seconds(l.Range.Span), laneHigh) }

// moving tells the script until when the drawing goes, which then moves it.
func (l Lanes) moving() templ.Attributes {
	if l.Still {
		return nil
	}
	return templ.Attributes{"data-until": strconv.FormatInt(l.Until.UnixMilli(), 10)}
}

// hatchWide is the distance of the stripes of the time away.
func (l Lanes) hatchWide() time.Duration { return l.Range.Span / 100 }

// hatch is a stripe from the lower left to the upper right, and the corner of the next.
func (l Lanes) hatch() string {
	wide, half := l.seconds(l.hatchWide()), l.seconds(l.hatchWide()/2)
	return fmt.Sprintf("M0 6L%s 0V3L%s 6ZM0 0H%sL0 3Z", wide, half, half)
}

// axisMark is a line across the lanes with its label.
type axisMark struct{ x, percent, label string }

// axis ends before the right edge, which would cut the last label.
func (l Lanes) axis() (marks []axisMark) {
	for t := l.from().Truncate(l.Range.tick).Add(l.Range.tick); l.at(t) < l.Range.Span*24/25; t = t.Add(l.Range.tick) {
		marks = append(marks, axisMark{l.seconds(l.at(t)), l.percent(l.at(t)), t.UTC().Format(l.Range.label)})
	}
	return marks
}

func ticks(axis []axisMark) string {
	var path strings.Builder
	for _, m := range axis {
		fmt.Fprintf(&path, "M%s 0V%d", m.x, laneHigh)
	}
	return path.String()
}

// away returns the times without a connection as they are drawn.
func (l Lanes) away(lane Lane) (bands []band) {
	for _, s := range lane.Slots {
		if s.Away > 0 {
			from := l.at(s.Start)
			bands = append(bands, band{l.seconds(from), l.seconds(l.at(s.Start.Add(l.Range.Slot)) - from), "away for " + Took(s.Away)})
		}
	}
	for _, a := range l.losses(lane) {
		from, to := l.at(a.from), l.at(a.to)
		if a.to.Equal(l.Until) {
			to = l.beyond()
		}
		if to > from {
			bands = append(bands, band{l.seconds(from), l.seconds(to - from), "away for " + Took(a.to.Sub(a.from))})
		}
	}
	return bands
}

type awayTime struct{ from, to time.Time }

// losses returns the times from a loss to its return or to the run that superseded it,
// and the loss that stands. Slots have their own, but for the loss that stands.
func (l Lanes) losses(lane Lane) (times []awayTime) {
	if lane.Away() {
		times = append(times, awayTime{lane.Connection.Since.Time, l.Until})
	}
	for i, r := range lane.Runs {
		switch {
		case r.Status != domain.StatusConnectionFailed || r.Link == domain.LinkWatcher:
		case !r.RestoredAt.IsZero():
			times = append(times, awayTime{r.EndedAt.Time, r.RestoredAt})
		case i > 0:
			times = append(times, awayTime{r.EndedAt.Time, lane.Runs[i-1].StartedAt.Time})
		}
	}
	return times
}

// shows reports whether a part of the run lies in the range.
func (l Lanes) shows(r projections.Run) bool { return !r.Status.Final() || !r.EndedAt.Before(l.from()) }

// returns are the instants at which a lost connection was back.
func (l Lanes) returns(lane Lane) string {
	var path strings.Builder
	for _, r := range lane.Runs {
		if !r.RestoredAt.IsZero() && r.RestoredAt.After(l.from()) && r.Link != domain.LinkWatcher {
			fmt.Fprintf(&path, "M%s 0V%d", l.seconds(l.at(r.RestoredAt)), laneHigh)
		}
	}
	return path.String()
}

// laneShapes are what the legend explains.
var laneShapes = []struct{ class, path, word string }{
	{"bar bar-completed", "M1 3H15V21H1Z", "completed"},
	{"bar bar-completed bar-recovery", "M1 3H15V21H1Z", "recovery run"},
	{"bar bar-connection_failed", "M1 3H15L11 7.5L15 12L11 16.5L15 21H1Z", "connection lost"},
	{"away", "M1 3H15V21H1Z", "away"},
	{"bar bar-failed", "M1 12H15V21H1ZM5 3L11 9M11 3L5 9", "failed"},
	{"bar bar-cancelled", "M1 10H15V14H1Z", "cancelled or stopped with its tab"},
	{"bar bar-running", "M1 3H15V21H1Z", "running"},
}

// nextOf is a lane's schedule and its next slot.
func nextOf(lane Lane, now time.Time) string {
	if lane.NextSlot.IsZero() {
		return scheduleText(lane.Config)
	}
	return scheduleText(lane.Config) + ", next in " + dueText(lane.NextSlot.Time, now)
}
