package projections

import (
	"context"
	"database/sql/driver"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// model is a projection that is folded beside the tables that serve: in memory, or
// with its runs in a scratch database. It neither reads nor writes those tables.
type model struct {
	Projection
	rows folder
	last int64 // it folds no event after this position
}

func newModel(p Projection, runs *scratch) *model {
	m := &model{Projection: p, rows: p.fold(place{}), last: math.MaxInt64}
	if f, ok := m.rows.(*runFold); ok && runs != nil {
		f.place = place{next: runs.place.next} // the counts stay in memory
		f.runs.place = runs.place
	}
	return m
}

// flush writes the runs that have changed to the scratch database, if there is one.
func (m *model) flush(ctx context.Context) error {
	if f, ok := m.rows.(*runFold); ok {
		return f.runs.flush(ctx)
	}
	return nil
}

// memoryTable is a table of a model. A row is its values, as a database would
// be given them, in the order of columnsOf; the first of them is its key.
type memoryTable interface {
	name() string
	// all yields the rows in the order of their keys.
	all(ctx context.Context) iter.Seq2[[]any, error]
	// watch has f told of every change, before it is made; before is nil for a new row.
	watch(f func(key string, before, after []any))
}

func (m *model) tables() []memoryTable {
	switch f := m.rows.(type) {
	case *runFold:
		return []memoryTable{heldRows[uuid.UUID, Run, *Run]{&f.runs}, heldCounts{f}}
	case *scraperFold:
		return []memoryTable{heldRows[string, scraperRow, *scraperRow]{&f.scrapers}}
	}
	panic(fmt.Sprintf("projections: %s cannot be folded in memory", m.name))
}

// heldRows are the rows that a fold holds, or has written to a scratch database.
type heldRows[K comparable, R any, P row[R]] struct{ *rows[K, R, P] }

func (t heldRows[K, R, P]) name() string { return t.table }

func (t heldRows[K, R, P]) all(ctx context.Context) iter.Seq2[[]any, error] {
	if t.querier != nil {
		return selectAll(ctx, t.querier, t.table+t.next, columnsOf(t.table), "")
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

func (t heldRows[K, R, P]) watch(f func(key string, before, after []any)) {
	t.touched = func(key K, before R, known bool, after R) {
		var was []any
		if known {
			was = valuesOf(P(&before).columns())
		}
		f(fmt.Sprint(key), was, valuesOf(P(&after).columns()))
	}
}

// heldCounts are the counts that a fold of runs has come to.
type heldCounts struct{ *runFold }

func (heldCounts) name() string { return "run_counts" }

func (t heldCounts) all(context.Context) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for _, status := range slices.Sorted(maps.Keys(t.counts)) {
			if !yield([]any{string(status), t.counts[status]}, nil) {
				return
			}
		}
	}
}

func (t heldCounts) watch(f func(key string, before, after []any)) {
	t.counted = func(status domain.RunStatus, before, after int64, known bool) {
		var was []any
		if known {
			was = []any{string(status), before}
		}
		f(string(status), was, []any{string(status), after})
	}
}

// valuesOf is what columns would write.
func valuesOf(columns []any) []any {
	values := make([]any, len(columns))
	for i, column := range columns {
		value, err := column.(driver.Valuer).Value()
		if err != nil {
			panic(err) // what was read as JSON can be written as JSON
		}
		values[i] = value
	}
	return values
}

// columnsOf names the columns of a table in the order of its rows' values.
func columnsOf(table string) []string {
	insert, ok := statements[table+".put"]
	if !ok {
		insert = statement(table + ".add")
	}
	_, list, _ := strings.Cut(insert, "(")
	list, _, _ = strings.Cut(list, ")")
	columns := strings.Split(list, ",")
	for i := range columns {
		columns[i] = strings.TrimSpace(columns[i])
	}
	return columns
}
