package pages

import (
	"slices"
	"time"

	"scrapelog/domain"
	"scrapelog/projections"
)

// Outage is a lost connection of a scraper, and what came of it.
type Outage struct{ projections.Loss }

// detected is how long after the last sign of life the loss was noticed; no time
// for losses before the first.
func (o Outage) detected() (time.Duration, bool) {
	return o.Run.EndedAt.Sub(o.Run.LastHeardAt), !o.Run.LastHeardAt.IsZero()
}

// away is how long the connection was lost.
func (o Outage) away() (time.Duration, bool) {
	return o.Run.RestoredAt.Sub(o.Run.EndedAt.Time), !o.Run.RestoredAt.IsZero()
}

// restarted is how long after the return the new run started.
func (o Outage) restarted() (time.Duration, bool) {
	return o.RestartedAt.Sub(o.Run.RestoredAt), !o.RestartedAt.IsZero() && !o.Run.RestoredAt.IsZero()
}

// spanText is a length of time that may not be known.
func spanText(d time.Duration, known bool) string {
	if !known {
		return "–"
	}
	return Took(d)
}

// apart returns the losses of the connection to the scraper, and how many attached runs
// were stopped with their tab.
func apart(losses []Outage) (lost []Outage, left int) {
	for _, o := range losses {
		if o.Run.Link == domain.LinkWatcher {
			left++
			continue
		}
		lost = append(lost, o)
	}
	return lost, left
}

// spans is how long something took, each time it happened, the shortest first.
type spans struct {
	name, means string
	took        []time.Duration
}

// spansOf is what people want to know of losses: how long each step took.
func spansOf(losses []Outage) []spans {
	lost, _ := apart(losses)
	list := []spans{
		{name: "Detect", means: "from the last sign of life to the loss"},
		{name: "Away", means: "from the loss to the return"},
		{name: "Restart", means: "from the return to the new run"},
	}
	for i, span := range []func(Outage) (time.Duration, bool){Outage.detected, Outage.away, Outage.restarted} {
		for _, o := range lost {
			if d, known := span(o); known {
				list[i].took = append(list[i].took, max(0, d))
			}
		}
		slices.Sort(list[i].took)
	}
	return list
}

// quantile is the smallest span that part of them do not exceed.
func (s spans) quantile(part float64) string {
	if len(s.took) == 0 {
		return "–"
	}
	rank := int(float64(len(s.took))*part+0.999999) - 1
	return Took(s.took[min(max(rank, 0), len(s.took)-1)])
}
