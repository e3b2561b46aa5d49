package projections

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Model is a projection that is folded beside the tables that serve: in memory, or
// with its runs and outages in a [Scratch] database. It neither reads nor writes those tables.
type Model struct {
	Projection
	rows folder
}

// NewModel returns the model before the first event. Its runs and
// outages are held in memory if runs is nil.
func NewModel(p Projection, runs *Scratch) *Model {
	m := &Model{Projection: p, rows: p.fold(place{})}
	if runs == nil {
		return m
	}
	switch f := m.rows.(type) {
	case *runFold:
		f.place, f.runs.place = runs.place, runs.place // the counts stay in memory
	case *outageFold:
		m.rows = newOutageFold(runs.place)
	case *laneFold:
		m.rows = newLaneFold(runs.place)
	}
	return m
}

// Load fetches from the scratch database, at once, the rows that a page will touch.
func (m *Model) Load(ctx context.Context, next Page) error {
	return m.rows.load(ctx, next.wantedBy(m.Projection))
}

// Apply folds one event, which was decoded from p. Positions must ascend.
func (m *Model) Apply(ctx context.Context, p eventstore.Payload, e domain.Event) error {
	return m.rows.apply(ctx, event{p.Position, p.ID, e})
}

// Flush writes the rows that have changed to the scratch database, if there is one.
func (m *Model) Flush(ctx context.Context) error {
	return flush(ctx, m.rows, 1)
}

// Counts returns how many runs have each status; nil: the projection has no runs.
func (m *Model) Counts() Counts {
	f, ok := m.rows.(*runFold)
	if !ok {
		return nil
	}
	counts := none()
	for status, count := range f.counts.held {
		counts[status] = count.runs
	}
	return counts
}

// InService returns how many scrapers are in service; nil: the projection has no scrapers.
func (m *Model) InService() *int {
	f, ok := m.rows.(*scraperFold)
	if !ok {
		return nil
	}
	inService := 0
	for _, row := range f.scrapers.held {
		if !row.ConfiguredAt.IsZero() && !row.Removed {
			inService++
		}
	}
	return &inService
}

// Table is a table of a model. A row is its values, as a database would be given
// them, in the order of [Columns]; the first of them is its key.
type Table interface {
	Name() string
	// All yields the rows in the order of their keys. A row is valid until the next one.
	All(ctx context.Context) iter.Seq2[[]any, error]
	// Watch has f told of every change, before it is made; before is nil for a new row.
	Watch(f func(key string, before, after Row))
}

// Row is one row of a table of a model.
type Row interface {
	// Values returns the values of the columns, in the order of [Columns].
	Values() []any
	// Shown returns the Run, the Scraper or the Outage that queries make of the row at an instant;
	// nil for other tables.
	Shown(at time.Time) any
}

// Tables lists the tables of the model.
func (m *Model) Tables() (all []Table) {
	for _, t := range m.rows.tables() {
		all = append(all, t.folded())
	}
	return all
}

// folded returns the rows as a table of a [Model].
func (r *rows[K, R, P]) folded() Table { return heldRows[K, R, P]{r} }

// heldRows are the rows that a fold holds, or has written to a scratch database.
type heldRows[K comparable, R any, P row[R]] struct{ *rows[K, R, P] }

func (t heldRows[K, R, P]) Name() string { return t.table.name }

func (t heldRows[K, R, P]) All(ctx context.Context) iter.Seq2[[]any, error] {
	if t.querier != nil {
		return t.written(ctx)
	}
	return func(yield func([]any, error) bool) {
		byName := make(map[string]K, len(t.held))
		for key := range t.held {
			byName[fmt.Sprint(key)] = key
		}
		for _, name := range slices.Sorted(maps.Keys(byName)) {
			held := t.held[byName[name]]
			if !yield(valuesOf(P(&held).columns()), nil) {
				return
			}
		}
	}
}

// written yields the rows of a scratch database, in which booleans are numbers.
func (t heldRows[K, R, P]) written(ctx context.Context) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for row, err := range SelectAll(ctx, t.querier, t.table.name+t.next, t.table.names(), "") {
			for i, column := range t.table.columns {
				if _, boolean := column.field.(flag); boolean && err == nil {
					row[i] = row[i] == int64(1)
				}
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

func (t heldRows[K, R, P]) Watch(f func(key string, before, after Row)) {
	t.touched = func(key K, before R, known bool, after R) {
		var was Row
		if known {
			was = heldRow[R, P]{&before}
		}
		f(fmt.Sprint(key), was, heldRow[R, P]{&after})
	}
}

type heldRow[R any, P row[R]] struct{ row P }

func (r heldRow[R, P]) Values() []any          { return valuesOf(r.row.columns()) }
func (r heldRow[R, P]) Shown(at time.Time) any { return r.row.shown(at) }

// valuesOf is what columns would write.
func valuesOf(columns []column) []any {
	values := make([]any, len(columns))
	for i, column := range columns {
		value, err := column.Value()
		if err != nil {
			panic(err) // what was read as JSON can be written as JSON
		}
		values[i] = value
	}
	return values
}
