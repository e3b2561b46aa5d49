package client

import (
	"context"
	"net/url"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/google/uuid"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/projections"
)

// slot is a quarter of an hour as the server answers it.
type slot struct {
	projections.LaneSlot
	AwayMS int64 `json:"away_ms"`
}

// mark is what a place of a line shows. Statuses can be told apart without colours.
type mark struct {
	sign   string
	status domain.RunStatus // gives the colour
}

// The marks of a line.
var (
	quiet = mark{"·", ""}
	away  = mark{"░", domain.StatusConnectionFailed}
	open  = mark{"◌", domain.StatusRunning}

	marks = map[domain.RunStatus]mark{
		domain.StatusRunning: open, domain.StatusCompleted: {"▆", domain.StatusCompleted}, domain.StatusFailed: {"✕", domain.StatusFailed},
		domain.StatusConnectionFailed: {"↯", domain.StatusConnectionFailed}, domain.StatusCancelled: {"⊘", domain.StatusCancelled},
	}
)

// legend says what the marks mean.
const legend = "▆ completed  ◌ running  ✕ failed  ↯ connection lost  ░ away  ⊘ cancelled  · none"

// laneOf draws the last quarters of an hour of a scraper, up to now: what ended in each,
// the worst first, and what goes on.
func laneOf(s projections.Scraper, slots []slot, places int, now time.Time) []mark {
	const size = projections.LaneSlotSize
	begin := now.Truncate(size).Add(-time.Duration(places-1) * size)
	place := func(t time.Time) int { return int(max(0, t.Sub(begin)) / size) }
	lane := make([]mark, places)
	for i := range lane {
		lane[i] = quiet
	}
	for _, slot := range slots {
		if slot.Start.Before(begin) || place(slot.Start) >= places {
			continue
		}
		if worst := slot.Worst(); worst != "" {
			lane[place(slot.Start)] = marks[worst]
		} else if slot.AwayMS > 0 {
			lane[place(slot.Start)] = away
		}
	}
	goesOn := func(since time.Time, with mark) {
		for i := place(since); i < places; i++ {
			if lane[i] == quiet || i == places-1 && place(since) < i {
				lane[i] = with
			}
		}
	}
	switch {
	case s.OpenRun != uuid.Nil:
		goesOn(s.LastRun.StartedAt.Time, open)
	case s.Away():
		goesOn(s.Connection.Since.Time, away)
	}
	return lane
}

// paintLane writes the marks, those of one colour together.
func paintLane(out *term.Printer, lane []mark) string {
	var b strings.Builder
	for i := 0; i < len(lane); {
		j, part := i, ""
		for ; j < len(lane) && lane[j].status == lane[i].status; j++ {
			part += lane[j].sign
		}
		b.WriteString(out.Paint(lane[i].status, part))
		i = j
	}
	return b.String()
}

// askLanes asks for the lanes on the screen that are not known yet.
func (m *top) askLanes() tea.Cmd {
	names := m.visible()
	if m.asking || m.laning || m.lost != nil {
		return nil
	}
	for _, name := range names {
		if _, known := m.lanes[name]; !known {
			m.laning = true
			return func() tea.Msg {
				lanes, err := m.c.lanes(m.ctx, names)
				return laned{lanes, err}
			}
		}
	}
	return nil
}

// lanes asks for the lanes of scrapers.
func (c *client) lanes(ctx context.Context, names []string) (map[string][]slot, error) {
	lanes := map[string][]slot{}
	for ; len(names) > 0; names = names[min(len(names), lanesAtOnce):] {
		var answer struct {
			Lanes []struct {
				Scraper string
				Slots   []slot
			}
		}
		query := url.Values{"scraper": names[:min(len(names), lanesAtOnce)]}
		if err := c.get(ctx, "/api/v1/lanes", query, &answer); err != nil {
			return nil, err
		}
		for _, l := range answer.Lanes {
			lanes[l.Scraper] = l.Slots
		}
	}
	return lanes, nil
}

// lanesAtOnce is how many lanes the server answers at once.
const lanesAtOnce = 50
