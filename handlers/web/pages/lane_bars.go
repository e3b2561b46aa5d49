package pages

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/handlers/words"
	"scrapelog/projections"
)

// laneBar is a run in a lane. Its coordinates are ready to be written.
type laneBar struct {
	run   uuid.UUID
	class string
	path  string
	title string
}

// bars draws the runs of a lane. A run that is too short to be seen is drawn as wide as
// a pixel and a half.
func (l Lanes) bars(lane Lane) (bars []laneBar) {
	least := l.Range.Span / 500
	for _, s := range lane.Slots {
		if status, title := worst(s); status != "" {
			from := l.at(s.Start)
			bars = append(bars, laneBar{
				class: "bar bar-" + string(status), title: Instant(s.Start) + ", " + title,
				path: l.barPath(status, from, max(l.at(s.Start.Add(l.Range.Slot))-from-l.Range.Slot/8, least), l.Range.Slot/4),
			})
		}
	}
	for _, r := range lane.Runs {
		if !l.shows(r) {
			continue
		}
		from := min(l.at(r.StartedAt.Time), l.Range.Span-least)
		to := l.beyond()
		if r.Status.Final() {
			to = l.at(r.EndedAt.Time)
		}
		class := "bar bar-" + string(drawnAs(r))
		if r.Recovers != uuid.Nil && r.Status == domain.StatusCompleted {
			class += " bar-recovery"
		}
		bars = append(bars, laneBar{
			run: r.ID, class: class, title: barTitle(r, l.Until),
			path: l.barPath(drawnAs(r), from, max(to-from, least), l.Range.Span/250),
		})
	}
	return bars
}

// barsTold is how many bars of all lanes together have a title and a link. It keeps a page
// below 300 KB.
const barsTold = 600

// drawn are the bars of a lane as they are written: where there are many, one path for
// each class.
func (l Lanes) drawn(lane Lane) []laneBar {
	bars := l.bars(lane)
	if len(bars) <= barsTold/max(1, len(l.Of)) {
		return bars
	}
	var merged []laneBar
	for _, b := range bars {
		i := slices.IndexFunc(merged, func(m laneBar) bool { return m.class == b.class })
		if i < 0 {
			merged = append(merged, laneBar{class: b.class, path: b.path})
			continue
		}
		merged[i].path += b.path
	}
	return merged
}

// undrawn is the width of the part before the oldest run that was read.
func (l Lanes) undrawn(lane Lane) string {
	if !lane.Cut || len(lane.Runs) == 0 {
		return "0"
	}
	return l.seconds(l.at(lane.Runs[len(lane.Runs)-1].StartedAt.Time))
}

// worst is the status that a slot is drawn with, and what ended in it. An empty status
// means that nothing did.
func worst(s projections.LaneSlot) (worst domain.RunStatus, title string) {
	var parts []string
	for _, of := range []struct {
		runs int64
		word string
	}{
		{s.Completed, words.Status(domain.StatusCompleted)}, {s.Gone, goneText},
		{s.Cancelled, words.Status(domain.StatusCancelled)}, {s.Failed, words.Status(domain.StatusFailed)},
		{s.Lost, words.Status(domain.StatusConnectionFailed)},
	} {
		if of.runs > 0 {
			parts = append(parts, number(of.runs)+" "+strings.ToLower(of.word))
		}
	}
	return s.Worst(), strings.Join(parts, ", ")
}

// goneText is what happened to an attached run whose watcher went.
const goneText = "stopped with its tab"

// drawnAs is the status that a run is drawn with. One whose watcher went is a strip, as if
// it had been cancelled: its scraper was there.
func drawnAs(r projections.Run) domain.RunStatus {
	if r.Link == domain.LinkWatcher && r.Status == domain.StatusConnectionFailed {
		return domain.StatusCancelled
	}
	return r.Status
}

// barPath is the shape of a run: a lost one has a torn end, a failed one half the height
// and a cross above it, a cancelled one is a strip. Statuses can be told apart without
// colours.
func (l Lanes) barPath(s domain.RunStatus, from, wide, tooth time.Duration) string {
	top, bottom, cross := 3, 21, ""
	switch s {
	case domain.StatusRunning, domain.StatusCompleted:
	case domain.StatusFailed:
		left, right := l.seconds(from+wide/2-tooth), l.seconds(from+wide/2+tooth)
		top, cross = 12, fmt.Sprintf("M%s 3L%s 9M%s 3L%s 9", left, right, right, left)
	case domain.StatusCancelled:
		top, bottom = 10, 14
	case domain.StatusConnectionFailed:
		tooth = min(tooth, wide/2)
		x, in := l.seconds(from+wide), l.seconds(from+wide-tooth)
		return fmt.Sprintf("M%s 3H%sL%s 7.5L%s 12L%s 16.5L%s 21H%sZ", l.seconds(from), x, in, x, in, x, l.seconds(from))
	}
	return fmt.Sprintf("M%s %dH%sV%dH%sZ", l.seconds(from), top, l.seconds(from+wide), bottom, l.seconds(from)) + cross
}

func barTitle(r projections.Run, now time.Time) string {
	title := fmt.Sprintf("%s %s, started %s, ", short(r.ID), words.Status(r.Status), Instant(r.StartedAt.Time))
	if !r.Status.Final() {
		return title + "for " + age(now.Sub(r.StartedAt.Time))
	}
	title += "took " + Took(r.EndedAt.Sub(r.StartedAt.Time))
	if r.Status == domain.StatusConnectionFailed {
		title += ", " + causeText(r.Cause)
	}
	return title
}
