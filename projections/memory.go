package projections

import (
	"database/sql/driver"
	"fmt"
	"iter"
	"maps"
	"math"
	"strings"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// model is a projection that is folded in memory. It neither reads nor writes
// the tables that serve.
type model struct {
	Projection
	rows folder
	last int64 // it folds no event after this position
}

func newModel(p Projection) *model {
	return &model{Projection: p, rows: p.fold(place{}), last: math.MaxInt64}
}

// memoryTable is a table of a model. A row is its values, as a database would
// be given them, in the order of columnsOf; the first of them is its key.
type memoryTable interface {
	name() string
	size() int
	keys() iter.Seq[string]
	row(key string) []any // nil: there is none
	drop(key string)
	// watch has f told of every change, before it is made; before is nil for a new row.
	watch(f func(key string, before, after []any))
}

func (m *model) tables() []memoryTable {
	switch f := m.rows.(type) {
	case *runFold:
		return []memoryTable{heldRows[uuid.UUID, Run, *Run]{&f.runs, uuid.Parse}, heldCounts{f}}
	case *scraperFold:
		itself := func(name string) (string, error) { return name, nil }
		return []memoryTable{heldRows[string, scraperRow, *scraperRow]{&f.scrapers, itself}}
	}
	panic(fmt.Sprintf("projections: %s cannot be folded in memory", m.name))
}

// heldRows are the rows that a fold holds.
type heldRows[K comparable, R any, P row[R]] struct {
	*rows[K, R, P]
	parse func(key string) (K, error)
}

func (t heldRows[K, R, P]) name() string { return t.table }
func (t heldRows[K, R, P]) size() int    { return len(t.held) }

func (t heldRows[K, R, P]) keys() iter.Seq[string] {
	return func(yield func(string) bool) {
		for key := range t.held {
			if !yield(fmt.Sprint(key)) {
				return
			}
		}
	}
}

func (t heldRows[K, R, P]) row(key string) []any {
	k, err := t.parse(key)
	held, ok := t.held[k]
	if err != nil || !ok {
		return nil
	}
	return valuesOf(P(&held).columns())
}

func (t heldRows[K, R, P]) drop(key string) {
	if k, err := t.parse(key); err == nil {
		delete(t.held, k)
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
func (t heldCounts) size() int  { return len(t.counts) }

func (t heldCounts) keys() iter.Seq[string] {
	return func(yield func(string) bool) {
		for status := range maps.Keys(t.counts) {
			if !yield(string(status)) {
				return
			}
		}
	}
}

func (t heldCounts) row(key string) []any {
	n, known := t.counts[domain.RunStatus(key)]
	if !known {
		return nil
	}
	return []any{key, n}
}

func (t heldCounts) drop(key string) { delete(t.counts, domain.RunStatus(key)) }

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
