package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"scrapelog/eventstore"
)

// table is what is printed at the end.
type table struct {
	rows  []row
	notes []string
}

// row is one figure beside what it is compared with.
type row struct {
	what     string
	database eventstore.Dialect
	ours     string
	rival    string
	theirs   string
	ratio    float64
	goal     string
	reached  verdict
	why      string // if it is missed
}

type verdict string

const (
	noGoal  verdict = ""
	reached verdict = "reached"
	missed  verdict = "MISSED"
)

func judge(good bool) verdict {
	if good {
		return reached
	}
	return missed
}

func (t *table) add(r row) { t.rows = append(t.rows, r) }

func (t *table) note(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

// atLeast adds rates whose ratio is to be reached; a goal of 0 is none.
func (t *table) atLeast(d eventstore.Dialect, what string, ours figure, rival string, theirs figure, goal float64, why string) {
	r := row{what: what, database: d, ours: rate(ours.perSecond), rival: rival, theirs: rate(theirs.perSecond), ratio: ours.perSecond / theirs.perSecond}
	if goal > 0 {
		r.goal, r.reached = fmt.Sprintf("≥ %.2g", goal), judge(r.ratio >= goal)
		r.why = strings.TrimSpace(fmt.Sprintf("an event costs %s; with %s %s. %s", ours.spent(), rival, theirs.spent(), why))
	}
	t.add(r)
}

func (t *table) print(w io.Writer, took time.Duration) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "WHAT\tDATABASE\tSCRAPELOG\tCOMPARED WITH\tIT\tRATIO\tGOAL\t")
	for _, r := range t.rows {
		ratio := ""
		if r.ratio > 0 {
			ratio = fmt.Sprintf("%.2f", r.ratio)
		}
		fmt.Fprintln(tw, strings.Join([]string{r.what, string(r.database), r.ours, r.rival, r.theirs, ratio, r.goal, string(r.reached)}, "\t"))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	t.printWhy(w)
	fmt.Fprintln(w)
	for _, note := range t.notes {
		fmt.Fprintln(w, note)
	}
	_, err := fmt.Fprintf(w, "%d goals reached, %d missed, in %s\n", t.count(reached), t.count(missed), took.Round(time.Second))
	return err
}

// printWhy says of every missed goal where its time goes.
func (t *table) printWhy(w io.Writer) {
	fmt.Fprintln(w)
	for _, r := range t.rows {
		if r.reached == missed && r.why != "" {
			fmt.Fprintf(w, "why %s · %s · %s: %s\n", r.what, r.database, r.goal, r.why)
		}
	}
}

func (t *table) count(v verdict) (n int) {
	for _, r := range t.rows {
		if r.reached == v {
			n++
		}
	}
	return n
}

func rate(perSecond float64) string {
	if perSecond < 100 {
		return fmt.Sprintf("%.1f/s", perSecond)
	}
	return fmt.Sprintf("%.0f/s", perSecond)
}

func millis(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond)) }

// median of what was measured, which it sorts.
func median[T cmp.Ordered](all []T) (m T) {
	if len(all) == 0 {
		return m
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// quantile of sorted values.
func quantile[T any](sorted []T, q float64) T {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
