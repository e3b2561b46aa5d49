package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// dialects are the columns of the table. What is measured once for both stands in the
// first, or in that of PostgreSQL if only that was measured.
var dialects = []string{"sqlite", "postgres"}

// once are the benchmarks of one database or of none, by the names that rows have for them.
var once = map[string]string{"TwoInstances": "TwoInstances/postgres", "Binary": "Binary/sqlite"}

// result is the figures of a run of a benchmark.
type result struct {
	run     int
	name    string
	figures map[string]float64
}

// cell is what was measured for a row of one database, a value for each run of the table.
type cell struct{ figures, ratios []float64 }

// of collects the figures of a row. Of several benchmarks of a run the worst counts.
func (r row) of(dialect string, results []result) (c cell) {
	name := regexp.MustCompile(strings.ReplaceAll(r.benchmark, "%s", dialect))
	figures, ratios := map[int]float64{}, map[int]float64{}
	for _, result := range results {
		figure, is := result.figures[r.figure]
		if is = is && name.MatchString(result.name); !is {
			continue
		}
		r.worst(figures, result.run, figure)
		if rival, compared := result.figures[r.ratio]; compared {
			if !strings.HasPrefix(r.ratio, "x-") {
				rival = figure / rival
			}
			r.worst(ratios, result.run, rival)
		}
	}
	for run, figure := range figures {
		c.figures = append(c.figures, figure)
		if ratio, compared := ratios[run]; compared {
			c.ratios = append(c.ratios, ratio)
		}
	}
	return c
}

func (r row) worst(of map[int]float64, run int, value float64) {
	if was, known := of[run]; !known || r.goal.most == (value > was) {
		of[run] = value
	}
}

// median returns the middle one of the values, which it sorts.
func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// printTable prints every row that has a figure, and the others by name. It returns how
// many goals are missed.
func printTable(w io.Writer, results []result) (missed int) {
	var without []string
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "WHAT\tCOMPARED WITH\tSQLITE\tPOSTGRESQL\tRATIO\tGOAL\t")
	for _, r := range rows {
		var figures, ratios, goals, verdicts []string
		for i, dialect := range dialects {
			c := r.of(dialect, results)
			bound := []float64{r.goal.sqlite, r.goal.postgres}[i]
			if len(c.figures) == 0 {
				figures = append(figures, "–")
				continue
			}
			figures = append(figures, shown(c.figures))
			if len(c.ratios) > 0 {
				ratios = append(ratios, shown(c.ratios))
			}
			if aim, verdict := r.judge(c, bound); verdict != "" {
				goals, verdicts = append(goals, aim), append(verdicts, verdict)
				missed += strings.Count(verdict, "MISSED")
			}
		}
		if figures[0] == "–" && figures[1] == "–" {
			without = append(without, r.what)
			continue
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.what, r.with, figures[0], figures[1],
			together(ratios), together(goals), together(verdicts))
	}
	tw.Flush()
	if len(without) > 0 {
		fmt.Fprintf(w, "\nnot measured: %s\n", strings.Join(slices.Compact(without), "; "))
	}
	return missed
}

// judge compares a cell with the goal of its database, if it has one.
func (r row) judge(c cell, bound float64) (aim, verdict string) {
	if bound == 0 && !(r.goal.most && r.goal.figure && r.goal.sqlite == r.goal.postgres) {
		return "", ""
	}
	values := c.figures
	if len(c.ratios) > 0 && !r.goal.figure {
		values = c.ratios
	} else if r.ratio != "" && !r.goal.figure {
		return "", "" // the rival was not measured
	}
	sign, reached := "≥", median(values) >= bound
	if r.goal.most {
		sign, reached = "≤", median(values) <= bound
	}
	if aim = fmt.Sprintf("%s %.4g", sign, bound); reached {
		return aim, "reached"
	}
	return aim, "MISSED"
}

// together writes the values of both databases, or one if they are the same.
func together(values []string) string { return strings.Join(slices.Compact(values), " · ") }

// shown is the median of a figure, and its spread.
func shown(values []float64) string {
	text := number(median(values))
	if len(values) > 1 {
		text += " (" + number(values[0]) + "–" + number(values[len(values)-1]) + ")"
	}
	return text
}

func number(value float64) string {
	if value >= 1000 {
		return strconv.FormatFloat(value, 'f', 0, 64)
	}
	return strconv.FormatFloat(value, 'g', 3, 64)
}
