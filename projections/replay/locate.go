package replay

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"scrapelog/projections"
)

// locate finds for every difference the first event after which it is there, by
// replaying once more with an eye on the rows that differ.
func (c *comparing) locate(ctx context.Context) error {
	if len(c.different) == 0 {
		return nil
	}
	traces := map[rowName]*trace{}
	for name, d := range c.different {
		traces[name] = newTrace(d)
	}
	if err := c.traceAll(ctx, traces); err != nil {
		return err
	}
	for name, d := range c.different {
		d.After = traces[name].after()
	}
	all := slices.SortedFunc(maps.Values(c.different), (*Difference).inLogOrder)
	for _, p := range c.result.Projections {
		c.result.Differing += p.Differing
	}
	for _, d := range all[:min(len(all), MaxDifferences)] {
		c.result.Differences = append(c.result.Differences, *d)
	}
	if i := slices.IndexFunc(all, func(d *Difference) bool { return d.After > 0 }); i >= 0 {
		first, err := c.log.ByPosition(ctx, all[i].After)
		c.result.First = &first
		return err
	}
	return nil
}

func (c *comparing) traceAll(ctx context.Context, traces map[rowName]*trace) error {
	again, err := startReplay(ctx, c.log, c.config)
	if err != nil {
		return err
	}
	c.close()
	c.replay = again
	for i, m := range again.models {
		m.last = c.result.Projections[i].Position
		for _, table := range m.Tables() {
			table.Watch(func(key string, before, after projections.Row) {
				if t := traces[rowName{table.Name(), key}]; t != nil {
					t.see(again.at, valuesOf(before), valuesOf(after))
				}
			})
		}
	}
	return again.to(ctx, c.until)
}

// valuesOf is the values of a row, nil if there is none.
func valuesOf(row projections.Row) []any {
	if row == nil {
		return nil
	}
	return row.Values()
}

// inLogOrder puts the differences that an event explains first, in the order of
// those events.
func (d *Difference) inLogOrder(other *Difference) int {
	return cmp.Or(
		cmp.Compare(uint64(d.After-1), uint64(other.After-1)), // 0 comes last
		cmp.Compare(d.Table, other.Table), cmp.Compare(d.Key, other.Key))
}

// trace follows a row that differs through its history.
type trace struct {
	sum     bool  // values come and go and come again, and say nothing by being the same
	made    int64 // the position of the event that made the row
	columns []columnTrace
}

// columnTrace follows one of its columns.
type columnTrace struct {
	index   int
	kept    any
	same    bool  // now: the column has the kept value
	left    int64 // where it was changed from the kept value to another, last
	written int64 // where it was changed, last
}

func newTrace(d *Difference) *trace {
	names := projections.Columns(d.Table)
	t := &trace{sum: !slices.Contains(names, positionColumn)}
	for _, column := range d.Columns {
		t.columns = append(t.columns, columnTrace{index: slices.Index(names, column.Name), kept: column.Kept})
	}
	return t
}

func (t *trace) see(position int64, before, after []any) {
	if before == nil {
		t.made = position
	}
	for i := range t.columns {
		c := &t.columns[i]
		was := c.same
		c.same = after[c.index] == c.kept
		if before == nil || before[c.index] != after[c.index] {
			c.written = position
		}
		if was && !c.same && !t.sum {
			c.left = position
		}
	}
}

// after is the first event after which the kept row is not the replayed one. A
// kept value that the column once had was left behind by the event that changed
// it; one that it never had was put in the place of what was written last.
func (t *trace) after() int64 {
	if len(t.columns) == 0 {
		return t.made
	}
	first := int64(0)
	for _, c := range t.columns {
		at := cmp.Or(c.left, c.written)
		if first == 0 || at < first {
			first = at
		}
	}
	return first
}
