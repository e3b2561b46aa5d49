//go:build !race

package main

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/cmd/crashcheck/check"
	"scrapelog/domain"
	"scrapelog/eventstore"
)

// holdAgainstInvariants looks at the log that a night has left.
func (s *simulation) holdAgainstInvariants() {
	violations, err := check.Check(s.log, s.seen)
	s.must(err)
	for _, v := range violations {
		s.t.Errorf("seed %d: %s", s.seed, v)
		s.t.Log("\n" + check.Story(s.log, s.seen, v.Run))
	}
	var kinds = map[string]int{}
	for _, r := range s.log {
		kinds[r.Type]++
	}
	s.t.Logf("seed %d: %d lives, %d events: %v", s.seed, len(s.seen.Lives), len(s.log), kinds)
	for name, w := range s.world {
		w.holdSlots(s.t, s.log, s.seen.Lives, name)
	}
}

// holdSlots: each slot is claimed at most once and in time, nothing else is, and
// none is missing without a trace that stands for it.
func (w *simulatedScraper) holdSlots(t *testing.T, log []eventstore.Recorded, lives []check.Life, name string) {
	claimed, states := map[int64]bool{}, []simulatedState{{}}
	var state domain.Guard
	for _, r := range log {
		e, err := r.Event()
		if err != nil || e.ScraperName() != name {
			continue
		}
		state = state.Evolve(e)
		states = append(states, simulatedState{e.OccurredAt(), state})
		due := dueOf(e)
		if due.IsZero() {
			continue
		}
		if claimed[due.Unix()] || !slices.ContainsFunc(w.slots, due.Equal) {
			t.Errorf("seed %d: %s: slot %s is claimed twice or is none (position %d)", w.seed, name, due, r.Position)
		}
		claimed[due.Unix()] = true
		if late, ok := w.inTime(due, e.OccurredAt(), lives); !ok {
			t.Errorf("seed %d: %s: slot %s came %s late (position %d)", w.seed, name, due, late, r.Position)
		}
	}
	for _, slot := range w.slots {
		at := w.config.Jittered(slot)
		if before := stateBefore(states, at); !claimed[slot.Unix()] && alive(lives, at) && !standsFor(before) {
			t.Errorf("seed %d: %s: slot %s is missing; before it %+v", w.seed, name, slot, before)
		}
	}
}

// simulatedState is a scraper's guard from a time on.
type simulatedState struct {
	from time.Time
	domain.Guard
}

func dueOf(e domain.Event) time.Time {
	switch e := e.(type) {
	case domain.RunStarted:
		return e.DueAt
	case domain.ScrapeSkipped:
		return e.DueAt
	}
	return time.Time{}
}

// inTime: a slot comes when it is due or, if it is to be caught up, when
// scrapelog is up again.
func (w *simulatedScraper) inTime(due, at time.Time, lives []check.Life) (time.Duration, bool) {
	const patience = time.Second
	late := at.Sub(w.config.Jittered(due))
	if late > -time.Microsecond && late <= patience {
		return late, true
	}
	return late, late > 0 && w.config.CatchUp == domain.CatchUpOne && slices.ContainsFunc(lives, func(l check.Life) bool {
		return !l.Ready.After(at) && at.Sub(l.Ready) <= patience
	})
}

func stateBefore(states []simulatedState, at time.Time) domain.Guard {
	i, _ := slices.BinarySearchFunc(states, at, func(s simulatedState, at time.Time) int { return s.from.Compare(at) })
	for i--; i > 0 && !states[i].from.Before(at); i-- {
	}
	return states[max(i, 0)].Guard
}

// standsFor says whether an earlier slot's trace stands for one that comes now.
func standsFor(g domain.Guard) bool {
	return g.Gap != "" && (g.OpenRun != uuid.Nil || g.Paused || g.ConnectionDown())
}

func alive(lives []check.Life, at time.Time) bool {
	return slices.ContainsFunc(lives, func(l check.Life) bool {
		return l.Ready.Before(at) && l.Asked.After(at.Add(time.Second))
	})
}
