package term

import (
	"bytes"
	"fmt"
	"strings"

	"scrapelog/domain"
)

// Listing prints values of one kind: a table with aligned columns, one JSON
// array, or one JSON value per line.
type Listing struct {
	*Printer
	titles []string
	widths []int
	rows   [][]string // of a table, not printed yet
	values []any      // of an array that --jq wants whole
	Count  int
}

func (p *Printer) List(titles ...string) *Listing {
	l := &Listing{Printer: p, titles: titles, widths: make([]int, len(titles))}
	if p.headers {
		l.Fit(titles)
	}
	return l
}

// Add appends a value, and the cells that show it in a table.
func (l *Listing) Add(value any, cells ...string) error {
	l.Count++
	switch {
	case l.IsTable():
		for i := range cells {
			cells[i] = l.fitting(safe(cells[i]), i == len(cells)-1)
		}
		l.Fit(cells)
		l.rows = append(l.rows, cells)
		return nil
	case l.Format == "ndjson":
		return l.Document(value)
	}
	l.values = append(l.values, value)
	return nil
}

// widestName is the longest name that a scraper may have.
const widestName = 63

// fitting cuts a cell that is too wide for the terminal: the last cell may be as
// wide as the terminal, any other half as wide.
func (l *Listing) fitting(cell string, last bool) string {
	switch {
	case !l.terminal:
		return cell
	case last:
		return cut(cell, l.width)
	}
	return cut(cell, max(widestName, l.width/2))
}

// Flush prints the rows collected so far. Later rows keep at least their widths.
func (l *Listing) Flush() error {
	if !l.IsTable() {
		return nil
	}
	if l.headers {
		l.rows, l.headers = append([][]string{l.titles}, l.rows...), false
	}
	var b bytes.Buffer
	for _, row := range l.rows {
		b.WriteString(l.line(row))
		b.WriteByte('\n')
	}
	if l.rows = nil; b.Len() == 0 {
		return nil
	}
	_, err := l.Write(b.Bytes())
	return err
}

// Close prints the remaining rows.
func (l *Listing) Close() error {
	if l.Format != "json" {
		return l.Flush()
	}
	if l.values == nil {
		l.values = []any{}
	}
	return l.Document(l.values)
}

func (l *Listing) Fit(cells []string) {
	for i, cell := range cells {
		l.widths[i] = max(l.widths[i], columns(cell))
	}
}

func (l *Listing) line(cells []string) string {
	var b strings.Builder
	for i, cell := range cells {
		b.WriteString(l.paint(cell))
		if i < len(cells)-1 {
			b.WriteString(strings.Repeat(" ", l.widths[i]-columns(cell)+2))
		}
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

func (p *Printer) paint(cell string) string {
	if colour, ok := statusColours[domain.RunStatus(cell)]; ok && p.colour {
		return colour + cell + "\x1b[0m"
	}
	return cell
}

// Facts prints one value: a line for each pair, or JSON.
func (p *Printer) Facts(value any, pairs ...[2]string) error {
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
		fmt.Fprintf(&b, "%-*s  %s\n", widest, pair[0], p.paint(safe(pair[1])))
	}
	_, err := p.Write(b.Bytes())
	return err
}
