package inspect

import (
	"fmt"
	"strconv"
	"strings"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/projections/replay"
)

// comparison is a replay beside what it was compared with, as it is printed.
type comparison struct {
	Against string `json:"against"`
	replay.Comparison
}

// show prints the comparison. A difference is a negative answer.
func (c comparison) show(out *term.Printer) error {
	pairs := append(stateFacts(c.State), [2]string{"against", c.Against})
	for _, p := range c.Projections {
		pairs = append(pairs, [2]string{"projection " + p.Name, resultText(p)})
	}
	if first := c.First; first != nil {
		pairs = append(pairs, [2]string{"first", fmt.Sprintf("%d %s %s, recorded at %s", first.Position, first.Type, first.Stream, term.StampMillis(first.RecordedAt))})
	}
	pairs = append(pairs, [2]string{"equal", map[bool]string{true: "yes", false: "no"}[c.Equal]})
	if err := out.Facts(c, pairs...); err != nil {
		return err
	}
	if err := c.list(out); err != nil || c.Equal {
		return err
	}
	return term.Failf(term.ErrNegative, "%s", c.verdict())
}

func resultText(p replay.ProjectionResult) string {
	text := []string{fmt.Sprintf("%d rows at position %d", p.Rows, p.Position)}
	if p.Changed > 0 {
		text = append(text, fmt.Sprintf("%d more changed since, up to %d", p.Changed, p.Kept))
	}
	if p.Ahead {
		text = append(text, fmt.Sprintf("has come to %d, where the log does not reach", p.Kept))
	}
	if p.Differing > 0 {
		text = append(text, fmt.Sprintf("%d differ", p.Differing))
	}
	return strings.Join(text, ", ")
}

func (c comparison) verdict() string {
	var verdict []string
	if c.Differing > 0 {
		verdict = append(verdict, fmt.Sprintf("rows that are not what the log makes of them: %d", c.Differing))
	}
	if c.First != nil {
		verdict = append(verdict, fmt.Sprintf("the first after position %d (%s)", c.First.Position, c.First.Type))
	}
	for _, p := range c.Projections {
		if p.Ahead {
			verdict = append(verdict, fmt.Sprintf("%s has come to position %d, past the end of the log", p.Name, p.Kept))
		}
	}
	return strings.Join(verdict, ", ")
}

// list prints the differences of a table, column by column.
func (c comparison) list(out *term.Printer) error {
	if !out.IsTable() || len(c.Differences) == 0 {
		return nil
	}
	fmt.Fprintln(out)
	list := out.List("AFTER", "TABLE", "ROW", "COLUMN", "IS", "BY THE LOG")
	for _, d := range c.Differences {
		after := "–"
		if d.After > 0 {
			after = strconv.FormatInt(d.After, 10)
		}
		for _, column := range columnsOf(d) {
			list.Add(d, after, d.Table, d.Key, column.Name, valueText(column.Kept), valueText(column.Replayed))
		}
	}
	if more := c.Differing - len(c.Differences); more > 0 {
		fmt.Fprintf(out.Notes, "and %d rows more\n", more)
	}
	return list.Close()
}

func columnsOf(d replay.Difference) []replay.Column {
	switch d.Kind {
	case replay.RowMissing:
		return []replay.Column{{Kept: "(missing)", Replayed: "(a row)"}}
	case replay.RowExtra:
		return []replay.Column{{Kept: "(a row)", Replayed: "(none)"}}
	default:
		return d.Columns
	}
}

// valueText formats a value of a column, cut to fit a table.
func valueText(value any) string {
	if value == nil {
		return "–"
	}
	const widest = 60
	return domain.Shorten(fmt.Sprint(value), widest)
}
