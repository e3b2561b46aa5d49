package replay

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/projections"
)

// Span is what happened between two positions of the log: after From, up to To.
type Span struct {
	From     State                         `json:"from"`
	To       State                         `json:"to"`
	Events   map[string]int64              `json:"events"`   // how many of each wire name, of unknown ones too
	Runs     []Change[projections.Run]     `json:"runs"`     // in the order of their starts
	Scrapers []Change[projections.Scraper] `json:"scrapers"` // by name
	Outages  []Change[Outage]              `json:"outages"`  // in the order of their beginnings
}

// Change is a run, a scraper or an outage that changed. Scrapers are shown as at the end of
// the span.
type Change[V any] struct {
	Before *V `json:"before,omitempty"` // nil: there was none
	After  V  `json:"after"`
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
	at := s.To.RecordedAt
	s.Events = d.events
	s.Runs = changes(d.changed["runs"], func(row projections.Row) projections.Run { return row.Shown(at).(projections.Run) },
		func(a, b projections.Run) int { return cmp.Compare(a.StartPosition, b.StartPosition) })
	s.Scrapers = changes(d.changed["scrapers"], func(row projections.Row) projections.Scraper { return row.Shown(at).(projections.Scraper) },
		func(a, b projections.Scraper) int { return cmp.Compare(a.Name, b.Name) })
	s.Outages = changes(d.changed["outages"], func(row projections.Row) Outage { return Outage{Outage: row.Shown(at).(projections.Outage)} },
		func(a, b Outage) int { return cmp.Compare(a.FirstPosition, b.FirstPosition) })
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

// changes lists the changed rows of a table, as shown makes values of them, in an order of
// what they are now.
func changes[V any](rows map[string]*change, shown func(projections.Row) V, order func(a, b V) int) []Change[V] {
	all := make([]Change[V], 0, len(rows))
	for _, row := range rows {
		c := Change[V]{After: shown(row.after)}
		if row.before != nil {
			before := shown(row.before)
			c.Before = &before
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Change[V]) int { return order(a.After, b.After) })
	return all
}

// EventNames lists the wire names of the span's events in alphabetical order.
func (s Span) EventNames() []string { return slices.SortedFunc(maps.Keys(s.Events), strings.Compare) }
