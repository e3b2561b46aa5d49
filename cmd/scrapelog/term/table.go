package term

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"

	"scrapelog/domain"
)

// Listing prints values of one kind: a table with aligned columns, one JSON
// array, one JSON value per line, or CSV.
type Listing struct {
	*Printer
	titles   []string
	optional []bool // columns that a terminal that is too narrow does without
	widths   []int
	rows     [][]string // of a table, not printed yet
	values   []any      // of an array that --jq wants whole
	Count    int
	failed   error
}

// List begins a list with these columns. A title that begins with "~" is that of a column
// that is left out first on a terminal that is too narrow.
func (p *Printer) List(titles ...string) *Listing {
	l := &Listing{Printer: p, titles: slices.Clone(titles), widths: make([]int, len(titles)), optional: make([]bool, len(titles))}
	for i, title := range titles {
		l.titles[i], l.optional[i] = strings.CutPrefix(title, "~")
	}
	if p.headers {
		l.Fit(l.titles)
	}
	return l
}

// Add appends a value, and the cells that show it in a table. What fails is returned by
// Close too, so that only endless lists need to look at it.
func (l *Listing) Add(value any, cells ...string) error {
	if l.failed != nil {
		return l.failed
	}
	l.Count++
	switch l.Format {
	case "table":
		for i := range cells {
			cells[i] = safe(cells[i])
		}
		l.Fit(cells)
		l.rows = append(l.rows, cells)
	case "csv":
		l.rows = append(l.rows, cells)
	case "ndjson":
		l.failed = l.Document(value)
	default:
		l.values = append(l.values, value)
	}
	return l.failed
}

// Flush prints the rows collected so far. Later rows keep at least their widths.
func (l *Listing) Flush() error {
	if l.Format == "csv" {
		return l.flushCSV()
	}
	if !l.IsTable() {
		return nil
	}
	if l.headers {
		l.rows, l.headers = append([][]string{l.titles}, l.rows...), false
	}
	var b bytes.Buffer
	widths := l.layout()
	for _, row := range l.rows {
		b.WriteString(l.line(row, widths))
		b.WriteByte('\n')
	}
	if l.rows = nil; b.Len() == 0 {
		return nil
	}
	_, err := l.Write(b.Bytes())
	return err
}

// flushCSV prints the rows as RFC 4180 has it, but that lines end in LF. The columns
// have the names of a table's titles, in the way of JSON.
func (l *Listing) flushCSV() error {
	w := csv.NewWriter(l)
	if l.headers {
		l.headers = false
		_ = w.Write(csvNames(l.titles)) // Error tells
	}
	_ = w.WriteAll(l.rows)
	l.rows = nil
	return w.Error()
}

func csvNames(titles []string) []string {
	names := make([]string, len(titles))
	for i, title := range titles {
		names[i] = strings.ReplaceAll(strings.ToLower(title), " ", "_")
	}
	return names
}

// Close prints the remaining rows.
func (l *Listing) Close() error {
	if l.failed != nil {
		return l.failed
	}
	if l.Format != "json" {
		return l.Flush()
	}
	if l.values == nil {
		l.values = []any{}
	}
	return l.Document(l.values)
}

// Fit makes the columns at least as wide as the cells.
func (l *Listing) Fit(cells []string) {
	for i, cell := range cells {
		l.widths[i] = max(l.widths[i], columns(cell))
	}
}

const (
	gap       = 2
	dropped   = -1
	narrowest = 6 // to which a column is cut
)

// layout returns the widths of the columns, so that a line fits the terminal: optional
// columns are dropped, the last first, and then the widest column is cut, but never a
// status, which is printed as on the wire.
func (l *Listing) layout() []int {
	widths := slices.Clone(l.widths)
	if !l.terminal {
		return widths
	}
	for i := len(widths) - 1; i >= 0 && lineWidth(widths) > l.width; i-- {
		if l.optional[i] {
			widths[i] = dropped
		}
	}
	for over := lineWidth(widths) - l.width; over > 0; over-- {
		widest := -1
		for i, width := range widths {
			if l.titles[i] != "STATUS" && width > narrowest && (widest < 0 || width >= widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	return widths
}

func lineWidth(widths []int) (total int) {
	for _, width := range widths {
		if width != dropped {
			total += width + gap
		}
	}
	return total - gap
}

func (l *Listing) line(cells []string, widths []int) string {
	var b strings.Builder
	for i, cell := range cells {
		if widths[i] == dropped {
			continue
		}
		if l.terminal {
			cell = cut(cell, widths[i])
		}
		b.WriteString(l.paint(cell))
		b.WriteString(strings.Repeat(" ", max(0, widths[i]-columns(cell))+gap))
	}
	return strings.TrimRight(b.String(), " ")
}

// statusColours are the colours of the badges on the pages.
var statusColours = map[domain.RunStatus]string{
	domain.StatusRunning:          "\x1b[34m",
	domain.StatusCompleted:        "\x1b[32m",
	domain.StatusFailed:           "\x1b[31m",
	domain.StatusConnectionFailed: "\x1b[33m",
	domain.StatusCancelled:        "\x1b[90m",
}

func (p *Printer) paint(cell string) string { return p.Paint(domain.RunStatus(cell), cell) }

// Comments prints the pairs of a table as the comments of a YAML document.
func (p *Printer) Comments(pairs ...[2]string) error {
	var b bytes.Buffer
	q := &Printer{Out: &b, Format: "table"}
	if err := q.Facts(nil, pairs...); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprint(p, "# "+line); err != nil {
			return err
		}
	}
	return nil
}

// Facts prints one value: a line for each pair, or JSON.
func (p *Printer) Facts(value any, pairs ...[2]string) error {
	if p.Format == "csv" {
		titles, values := make([]string, len(pairs)), make([]string, len(pairs))
		for i, pair := range pairs {
			titles[i], values[i] = pair[0], pair[1]
		}
		list := p.List(titles...)
		list.Add(value, values...)
		return list.Close()
	}
	if !p.IsTable() {
		return p.Document(value)
	}
	widest := 0
	for _, pair := range pairs {
		widest = max(widest, len(pair[0]))
	}
	var b bytes.Buffer
	for _, pair := range pairs {
		if pair[1] == "" {
			continue
		}
		lines := []string{safe(pair[1])}
		if p.terminal {
			lines = Wrap(pair[1], p.width-widest-gap)
		}
		fmt.Fprintf(&b, "%-*s  %s\n", widest, pair[0], p.paint(lines[0]))
		for _, line := range lines[1:] {
			fmt.Fprintf(&b, "%*s%s\n", widest+gap, "", line)
		}
	}
	_, err := p.Write(b.Bytes())
	return err
}
