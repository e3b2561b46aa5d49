package projections

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// place is where rows lie: the tables that serve, the fresh ones of a rebuild, or
// memory alone when there is no querier.
type place struct {
	querier
	next       string // "" or "_next", behind the names of tables
	generation string // behind the names of indexes
	sqlite     bool
}

// statement is the statement of the given name for the tables of this place.
func (p place) statement(name string) string {
	return strings.NewReplacer("/*next*/", p.next, "/*generation*/", p.generation).Replace(statement(name))
}

// row is a pointer to an R that lists its columns.
type row[R any] interface {
	*R
	columns() []any
}

// rows keeps the rows of one table that events have touched.
type rows[K comparable, R any, P row[R]] struct {
	place
	table   string
	held    map[K]R
	changed []K
	dirty   map[K]struct{}
	touched func(key K, before R, known bool, after R) // told of every change; may be nil
}

func newRows[K comparable, R any, P row[R]](at place, table string) rows[K, R, P] {
	return rows[K, R, P]{place: at, table: table, held: map[K]R{}, dirty: map[K]struct{}{}}
}

// get returns the row of a key and whether there is one.
func (r *rows[K, R, P]) get(ctx context.Context, key K) (found R, ok bool, err error) {
	if held, ok := r.held[key]; ok {
		return held, true, nil
	}
	if r.querier == nil {
		return found, false, nil
	}
	arg := fmt.Sprint(key)
	err = each(ctx, r.querier, r.statement(r.table+".get"), []any{arg}, func(scan func(...any) error) error {
		ok = true
		return scan(P(&found).columns()...)
	})
	if err != nil {
		return found, false, fmt.Errorf("%s %s: %w", r.table, arg, err)
	}
	if ok {
		r.held[key] = found
	}
	return found, ok, nil
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

const (
	maxTogether = 100    // rows of one INSERT
	maxHeld     = 20_000 // rows kept in memory from flush to flush
)

// flush writes what has changed.
func (r *rows[K, R, P]) flush(ctx context.Context) error {
	for keys := r.changed; len(keys) > 0; {
		n := min(len(keys), maxTogether)
		if err := r.write(ctx, keys[:n]); err != nil {
			return err
		}
		keys = keys[n:]
	}
	r.changed = r.changed[:0]
	clear(r.dirty)
	if len(r.held) > maxHeld {
		clear(r.held)
	}
	return nil
}

func (r *rows[K, R, P]) write(ctx context.Context, keys []K) error {
	var args []any
	for _, key := range keys {
		held := r.held[key]
		args = append(args, P(&held).columns()...)
	}
	if _, err := r.ExecContext(ctx, together(r.statement(r.table+".put"), len(keys), r.sqlite), args...); err != nil {
		return fmt.Errorf("%s: %w", r.table, err)
	}
	return nil
}

// together makes of an INSERT of one row an INSERT of n. SQLite takes $1 for a
// name and looks for it among all the others, which with thousands of them costs
// more than the rows: there the placeholders are bare.
func together(insert string, n int, sqlite bool) string {
	if n == 1 {
		return insert
	}
	head, rest, _ := strings.Cut(insert, "VALUES ")
	tuple, tail, _ := strings.Cut(rest, "\nON CONFLICT")
	columns := strings.Count(tuple, "$")
	var b strings.Builder
	b.WriteString(head + "VALUES ")
	for i := range n * columns {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%columns == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		if sqlite {
			b.WriteString("?")
		} else {
			b.WriteString("$" + strconv.Itoa(i+1))
		}
	}
	b.WriteString(")\nON CONFLICT" + tail)
	return b.String()
}
