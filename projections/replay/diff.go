package replay

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/projections"
)

// Span is what happened between two positions of the log: after From, up to To.
type Span struct {
	From     State            `json:"from"`
	To       State            `json:"to"`
	Events   map[string]int64 `json:"events"`   // how many of each wire name, of unknown ones too
	Runs     []RunChange      `json:"runs"`     // in the order of their starts
	Scrapers []ScraperChange  `json:"scrapers"` // by name
	Outages  []OutageChange   `json:"outages"`  // in the order of their beginnings
}

// RunChange is a run that changed.
type RunChange struct {
	Before *projections.Run `json:"before,omitempty"` // nil: it had not started
	After  projections.Run  `json:"after"`
}

// ScraperChange is a scraper that changed. Both are shown as at the end of the span.
type ScraperChange struct {
	Before *projections.Scraper `json:"before,omitempty"` // nil: nothing was known of it
	After  projections.Scraper  `json:"after"`
}

// OutageChange is an outage that changed.
type OutageChange struct {
	Before *Outage `json:"before,omitempty"` // nil: it had not begun
	After  Outage  `json:"after"`
}

// Outage is an outage without the names of its scrapers, which have rows of their own.
type Outage struct {
	projections.Outage
	Scrapers []string `json:"scrapers,omitempty"` // hides those of the row
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
	d := &differing{replay: r, events: map[string]int64{}, changed: map[string]map[string]*change{}}
	return d.between(ctx, min(a, head), min(b, head))
}

// differing is a replay that remembers what it changes, as it was before.
type differing struct {
	*replay
	events  map[string]int64
	changed map[string]map[string]*change // by table and key
}

// change is a row before its first change and after its last.
type change struct{ before, after projections.Row }

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
	s.Events, s.Runs, s.Scrapers, s.Outages = d.events, d.runs(s.To.RecordedAt), d.scrapers(s.To.RecordedAt), d.outages(s.To.RecordedAt)
	return s, nil
}

func (d *differing) watch() {
	d.seen = func(eventType string) { d.events[eventType]++ }
	for _, m := range d.models {
		for _, table := range m.Tables() {
			changes := map[string]*change{}
			d.changed[table.Name()] = changes
			table.Watch(func(key string, before, after projections.Row) {
				if changes[key] == nil {
					changes[key] = &change{before: before}
				}
				changes[key].after = after
			})
		}
	}
}

func (d *differing) runs(at time.Time) []RunChange {
	changes := make([]RunChange, 0, len(d.changed["runs"]))
	for _, c := range d.changed["runs"] {
		changes = append(changes, RunChange{shown[projections.Run](c.before, at), *shown[projections.Run](c.after, at)})
	}
	slices.SortFunc(changes, func(a, b RunChange) int { return cmp.Compare(a.After.StartPosition, b.After.StartPosition) })
	return changes
}

func (d *differing) scrapers(at time.Time) []ScraperChange {
	changes := make([]ScraperChange, 0, len(d.changed["scrapers"]))
	for _, name := range slices.Sorted(maps.Keys(d.changed["scrapers"])) {
		c := d.changed["scrapers"][name]
		changes = append(changes, ScraperChange{shown[projections.Scraper](c.before, at), *shown[projections.Scraper](c.after, at)})
	}
	return changes
}

func (d *differing) outages(at time.Time) []OutageChange {
	changes := make([]OutageChange, 0, len(d.changed["outages"]))
	for _, c := range d.changed["outages"] {
		change := OutageChange{After: Outage{Outage: *shown[projections.Outage](c.after, at)}}
		if before := shown[projections.Outage](c.before, at); before != nil {
			change.Before = &Outage{Outage: *before}
		}
		changes = append(changes, change)
	}
	slices.SortFunc(changes, func(a, b OutageChange) int { return cmp.Compare(a.After.FirstPosition, b.After.FirstPosition) })
	return changes
}

// shown is what queries make of a row, nil if there is none.
func shown[V any](row projections.Row, at time.Time) *V {
	if row == nil {
		return nil
	}
	v := row.Shown(at).(V)
	return &v
}

// EventNames lists the wire names of the span's events in alphabetical order.
func (s Span) EventNames() []string { return slices.SortedFunc(maps.Keys(s.Events), strings.Compare) }
