package projections

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Span is what happened between two positions of the log: after From, up to To.
type Span struct {
	From     State            `json:"from"`
	To       State            `json:"to"`
	Events   map[string]int64 `json:"events"`   // how many of each wire name, of unknown ones too
	Runs     []RunChange      `json:"runs"`     // in the order of their starts
	Scrapers []ScraperChange  `json:"scrapers"` // by name
}

// RunChange is a run that changed.
type RunChange struct {
	Before *Run `json:"before,omitempty"` // nil: it had not started
	After  Run  `json:"after"`
}

// ScraperChange is a scraper that changed. Both are shown as at the end of the span.
type ScraperChange struct {
	Before *Scraper `json:"before,omitempty"` // nil: nothing was known of it
	After  Scraper  `json:"after"`
}

// Diff replays the log up to one position and on to another, and tells what
// changed in between. Positions past the end of the log are its end.
func Diff(ctx context.Context, from *eventstore.Store, a, b int64, progress func(done, head int64)) (Span, error) {
	if a > b {
		return Span{}, &domain.FieldError{Field: "span", Problem: fmt.Sprintf("it begins at position %d and ends at %d", a, b), Want: "name the earlier one first"}
	}
	r, err := newReplay(from, nil, progress)
	if err != nil {
		return Span{}, err
	}
	head, err := from.Head(ctx)
	if err != nil {
		return Span{}, err
	}
	d := &differing{replay: r, events: map[string]int64{}, runs: map[uuid.UUID]*Run{}, scrapers: map[string]*scraperRow{}}
	return d.between(ctx, min(a, head), min(b, head))
}

// differing is a replay that remembers what it changes, as it was before.
type differing struct {
	*replay
	events   map[string]int64
	runs     map[uuid.UUID]*Run // nil: there was none
	scrapers map[string]*scraperRow
}

func (d *differing) between(ctx context.Context, a, b int64) (s Span, err error) {
	if err := d.to(ctx, a); err != nil {
		return Span{}, err
	}
	if s.From, err = d.state(ctx); err != nil {
		return Span{}, err
	}
	d.watch()
	if err := d.to(ctx, b); err != nil {
		return Span{}, err
	}
	if s.To, err = d.state(ctx); err != nil {
		return Span{}, err
	}
	s.Events = d.events
	for _, m := range d.models {
		switch f := m.rows.(type) {
		case *runFold:
			s.Runs = d.changedRuns(f)
		case *scraperFold:
			s.Scrapers = d.changedScrapers(f, s.To)
		}
	}
	return s, nil
}

func (d *differing) watch() {
	d.seen = func(eventType string) { d.events[eventType]++ }
	for _, m := range d.models {
		switch f := m.rows.(type) {
		case *runFold:
			f.runs.touched = remember(d.runs)
		case *scraperFold:
			f.scrapers.touched = remember(d.scrapers)
		}
	}
}

// remember keeps what each row was before it was touched first.
func remember[K comparable, R any](rows map[K]*R) func(key K, before R, known bool, _ R) {
	return func(key K, before R, known bool, _ R) {
		if _, seen := rows[key]; seen {
			return
		}
		rows[key] = nil
		if known {
			rows[key] = &before
		}
	}
}

func (d *differing) changedRuns(f *runFold) []RunChange {
	changes := make([]RunChange, 0, len(d.runs))
	for run, before := range d.runs {
		changes = append(changes, RunChange{before, f.runs.held[run]})
	}
	slices.SortFunc(changes, func(a, b RunChange) int { return cmp.Compare(a.After.StartPosition, b.After.StartPosition) })
	return changes
}

func (d *differing) changedScrapers(f *scraperFold, at State) []ScraperChange {
	changes := make([]ScraperChange, 0, len(d.scrapers))
	for _, name := range slices.Sorted(maps.Keys(d.scrapers)) {
		change := ScraperChange{After: f.scrapers.held[name].view(at.RecordedAt)}
		if before := d.scrapers[name]; before != nil {
			view := before.view(at.RecordedAt)
			change.Before = &view
		}
		changes = append(changes, change)
	}
	return changes
}

// EventNames lists the wire names of the span's events in alphabetical order.
func (s Span) EventNames() []string { return slices.SortedFunc(maps.Keys(s.Events), strings.Compare) }
