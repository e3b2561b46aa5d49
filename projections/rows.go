package projections

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"scrapelog/eventstore"
)

// place is where rows are kept: the tables that queries read, the fresh tables of a
// rebuild or, without a querier, memory.
type place struct {
	querier
	next       string // "" or "_next", behind the names of tables
	generation string // behind the names of indexes
	dialect    eventstore.Dialect
	most       int // rows kept in memory from flush to flush; 0: maxHeld
}

// fresh reports whether the tables were empty before the first event.
func (p place) fresh() bool { return p.next != "" }

// row is a pointer to an R that lists its columns, the key first, and returns what
// queries show of it.
type row[R any] interface {
	*R
	columns() []column
	shown(at time.Time) any
}

// rows keeps the rows of one table that events have touched.
type rows[K comparable, R any, P row[R]] struct {
	place
	table   table
	held    map[K]R
	absent  map[K]struct{} // looked for and not there
	evicted bool           // some that were written are no longer held
	changed []K
	dirty   map[K]struct{}
	touched func(key K, before R, known bool, after R) // told of every change; may be nil
}

func newRows[K comparable, R any, P row[R]](at place, t table) rows[K, R, P] {
	return rows[K, R, P]{place: at, table: t, held: map[K]R{}, absent: map[K]struct{}{}, dirty: map[K]struct{}{}}
}

// get returns the row of a key and whether there is one.
func (r *rows[K, R, P]) get(ctx context.Context, key K) (found R, ok bool, err error) {
	if found, ok = r.held[key]; !ok {
		err = r.load(ctx, []K{key})
		found, ok = r.held[key]
	}
	return found, ok, err
}

// load fetches the rows that are not held.
func (r *rows[K, R, P]) load(ctx context.Context, keys []K) error {
	if r.querier == nil || r.fresh() && !r.evicted {
		return nil // all rows are held
	}
	wanted := map[string]K{}
	for _, key := range keys {
		_, held := r.held[key]
		_, absent := r.absent[key]
		if !held && !absent {
			wanted[fmt.Sprint(key)] = key
			r.absent[key] = struct{}{}
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	if err := r.fetch(ctx, wanted); err != nil {
		return fmt.Errorf("%s: %w", r.table.name, err)
	}
	return nil
}

func (r *rows[K, R, P]) fetch(ctx context.Context, wanted map[string]K) error {
	list, err := json.Marshal(wanted)
	if err != nil {
		return err
	}
	return eventstore.EachRow(ctx, r.querier, r.table.some(r.place), []any{string(list)}, func(row eventstore.Scanner) error {
		var found R
		columns := P(&found).columns()
		if err := row.Scan(fieldsOf(columns)...); err != nil {
			return err
		}
		key, err := columns[0].Value()
		r.held[wanted[fmt.Sprint(key)]] = found
		return err
	})
}

func (r *rows[K, R, P]) put(key K, changed R) {
	if r.touched != nil {
		before, known := r.held[key]
		r.touched(key, before, known, changed)
	}
	r.held[key] = changed
	if r.querier == nil {
		return
	}
	if _, known := r.dirty[key]; !known {
		r.dirty[key] = struct{}{}
		r.changed = append(r.changed, key)
	}
}

// maxHeld is how many rows are kept in memory from flush to flush.
const maxHeld = 20_000

// flush implements tableRows.
func (r *rows[K, R, P]) flush(ctx context.Context, least int) error {
	if len(r.changed) == 0 || len(r.changed) < least {
		return nil
	}
	if err := r.write(ctx); err != nil {
		return fmt.Errorf("%s: %w", r.table.name, err)
	}
	r.changed = r.changed[:0]
	clear(r.dirty)
	clear(r.absent)
	if len(r.held) > cmp.Or(r.most, maxHeld) {
		clear(r.held)
		r.evicted = true
	}
	return nil
}

func (r *rows[K, R, P]) write(ctx context.Context) error {
	if r.dialect == eventstore.Postgres && len(r.changed) > 1 {
		return r.writeVectors(ctx)
	}
	if r.dialect == eventstore.SQLite { // where a context that may end costs a goroutine per statement
		ctx = context.WithoutCancel(ctx)
	}
	insert, err := r.PrepareContext(ctx, r.table.put(r.place))
	if err != nil {
		return err
	}
	defer insert.Close()
	for _, key := range r.changed {
		held := r.held[key]
		if _, err := insert.ExecContext(ctx, fieldsOf(P(&held).columns())...); err != nil {
			return err
		}
	}
	return nil
}

// writeVectors hands PostgreSQL each column as an array: one statement, the same
// for any number of rows.
func (r *rows[K, R, P]) writeVectors(ctx context.Context) error {
	vectors := make([]any, len(r.table.columns))
	for j := range vectors {
		vectors[j] = make([]any, len(r.changed))
	}
	for i, key := range r.changed {
		held := r.held[key]
		for j, column := range P(&held).columns() {
			value, err := column.Value()
			if err != nil {
				return err
			}
			vectors[j].([]any)[i] = value
		}
	}
	_, err := r.ExecContext(ctx, r.table.putVectors(r.place), vectors...)
	return err
}

// fieldsOf lists where columns are scanned to and written from.
func fieldsOf(columns []column) []any {
	fields := make([]any, len(columns))
	for i, c := range columns {
		fields[i] = c.field
	}
	return fields
}
