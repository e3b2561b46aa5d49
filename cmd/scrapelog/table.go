package main

import (
	"fmt"
	"strings"

	"scrapelog/domain"
)

// listing prints values of one kind: a table with aligned columns, one JSON
// array, or one JSON value per line.
type listing struct {
	*printer
	titles []string
	widths []int
	rows   [][]string // of a table, not printed yet
	values []any      // of an array that --jq wants whole
	count  int
}

func (p *printer) list(titles ...string) *listing {
	l := &listing{printer: p, titles: titles, widths: make([]int, len(titles))}
	if p.headers {
		l.fit(titles)
	}
	return l
}

// add takes the next value and the cells that show it in a table.
func (l *listing) add(value any, cells ...string) error {
	l.count++
	switch {
	case l.isTable():
		for i := range cells {
			cells[i] = l.fitting(safe(cells[i]), i == len(cells)-1)
		}
		l.fit(cells)
		l.rows = append(l.rows, cells)
		return nil
	case l.format == "ndjson":
		return l.document(value)
	}
	l.values = append(l.values, value)
	return nil
}

// widestName is the longest name that a scraper may have.
const widestName = 63

// fitting cuts a cell that would push the others off the terminal: the last one
// may be as wide as that, any other half as wide.
func (l *listing) fitting(cell string, last bool) string {
	switch {
	case !l.terminal:
		return cell
	case last:
		return cut(cell, l.width)
	}
	return cut(cell, max(widestName, l.width/2))
}

// flush prints the rows of a table that have come together. What follows keeps
// at least their widths.
func (l *listing) flush() error {
	if !l.isTable() {
		return nil
	}
	if l.headers {
		l.rows, l.headers = append([][]string{l.titles}, l.rows...), false
	}
	for _, row := range l.rows {
		if _, err := fmt.Fprintln(l.w, l.line(row)); err != nil {
			return err
		}
	}
	l.rows = nil
	return nil
}

// close prints what is left.
func (l *listing) close() error {
	if l.format != "json" {
		return l.flush()
	}
	if l.values == nil {
		l.values = []any{}
	}
	return l.document(l.values)
}

func (l *listing) fit(cells []string) {
	for i, cell := range cells {
		l.widths[i] = max(l.widths[i], columns(cell))
	}
}

func (l *listing) line(cells []string) string {
	var b strings.Builder
	for i, cell := range cells {
		b.WriteString(l.paint(cell))
		if i < len(cells)-1 {
			b.WriteString(strings.Repeat(" ", l.widths[i]-columns(cell)+2))
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// statusColours follow the badges: colour comes last, the word says it all.
var statusColours = map[domain.RunStatus]string{
	domain.StatusRunning:          "\x1b[34m",
	domain.StatusCompleted:        "\x1b[32m",
	domain.StatusFailed:           "\x1b[31m",
	domain.StatusConnectionFailed: "\x1b[33m",
	domain.StatusCancelled:        "\x1b[90m",
}

func (p *printer) paint(cell string) string {
	if colour, ok := statusColours[domain.RunStatus(cell)]; ok && p.colour {
		return colour + cell + "\x1b[0m"
	}
	return cell
}

// facts prints one value: its facts line by line, or as JSON.
func (p *printer) facts(value any, pairs ...[2]string) error {
	if !p.isTable() {
		return p.document(value)
	}
	widest := 0
	for _, pair := range pairs {
		widest = max(widest, len(pair[0]))
	}
	for _, pair := range pairs {
		if pair[1] == "" {
			continue
		}
		if _, err := fmt.Fprintf(p.w, "%-*s  %s\n", widest, pair[0], p.paint(safe(pair[1]))); err != nil {
			return err
		}
	}
	return nil
}
