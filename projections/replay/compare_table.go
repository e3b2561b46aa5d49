package replay

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"scrapelog/projections"
)

// comparingTable is the comparison of one table.
type comparingTable struct {
	*comparing
	result  *ProjectionResult
	table   string
	columns []string
}

// rowsPerRest is how many rows are compared before a rest.
const rowsPerRest = 100

// compare walks along the kept rows and the replayed ones, both by key.
func (t comparingTable) compare(ctx context.Context, kept kept, table projections.Table) error {
	next, stop := iter.Pull2(table.All(ctx))
	defer stop()
	want, err, more := next()
	last, first, seen := "", true, 0
	for row, keptErr := range kept.all(ctx, t.table, t.columns) {
		if err := cmp.Or(err, keptErr); err != nil {
			return err
		}
		key := fmt.Sprint(row[0])
		if row[0] == nil || !first && key <= last { // no key of ours, and not where one would be
			t.differ(Difference{Key: key, Kind: RowExtra})
			t.result.Rows++
			continue
		}
		last, first = key, false
		for more && err == nil && want[0].(string) < key {
			t.missing(want)
			want, err, more = next()
		}
		if more && err == nil && want[0] == key {
			t.pair(key, row, want)
			want, err, more = next()
		} else {
			t.differ(Difference{Key: key, Kind: RowExtra})
			t.result.Rows++
		}
		if seen++; seen%rowsPerRest == 0 {
			err = cmp.Or(err, t.yielding.rest(ctx))
		}
	}
	for more && err == nil {
		t.missing(want)
		want, err, more = next()
	}
	return err
}

// pair compares a kept row with the replayed one.
func (t comparingTable) pair(key string, row, want []any) {
	withBooleans(row, want)
	switch {
	case !t.settled(t.table, key, want):
		t.result.Changed++
		return
	case !slices.Equal(row, want):
		t.differ(Difference{Key: key, Kind: RowChanged, Columns: columnsThatDiffer(t.columns, row, want)})
	}
	t.result.Rows++
}

// missing counts a replayed row that is not kept.
func (t comparingTable) missing(want []any) {
	key := want[0].(string)
	if !t.settled(t.table, key, want) {
		t.result.Changed++
		return
	}
	t.result.Rows++
	t.differ(Difference{Key: key, Kind: RowMissing})
}

func (t comparingTable) differ(d Difference) {
	t.result.Differing++
	if len(t.different) < maxLocated {
		d.Table = t.table
		t.different[rowName{d.Table, d.Key}] = &d
	}
}

// withBooleans makes booleans of the numbers that they are in SQLite.
func withBooleans(row, like []any) {
	for i := range like {
		if _, boolean := like[i].(bool); boolean && (row[i] == int64(0) || row[i] == int64(1)) {
			row[i] = row[i] == int64(1)
		}
	}
}

func columnsThatDiffer(names []string, kept, replayed []any) (differ []Column) {
	for i, name := range names {
		if kept[i] != replayed[i] {
			differ = append(differ, Column{name, kept[i], replayed[i]})
		}
	}
	return differ
}
