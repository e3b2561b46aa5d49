// Bench runs the benchmarks and prints their figures beside rivals and goals. A missed goal
// is printed as missed. Ratios can be compared between machines, rates cannot.
package main

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"scrapelog/eventstore/eventstoretest"
)

// suites is what go test is told for each package: of so many rounds, events, three times
// as many and a hundredth of them. A round of the projections takes a minute.
const suites = `-bench . ./eventstore -rounds %[1]d -events %[2]d
-bench . ./eventstore/proof -rounds %[1]d -events %[2]d
-bench . ./projections -rounds 1 -events %[2]d
-bench . ./handlers/react -rounds %[1]d -events %[2]d
-bench Pages/.*/^runs ./handlers/web -benchtime 200x -runs %[2]d -scrapers %[4]d
-bench Start|Binary|LossAndReturn|Scale ./cmd/scrapelog -rounds %[1]d -events %[2]d -logged %[3]d -streams %[4]d`

// goals has a line for each row of the table: what is measured, what it is compared with,
// the benchmarks (a regular expression; %s is the database), the figure, the ratio, and the
// goals for SQLite and PostgreSQL. A goal that ends in x bounds the ratio, not the figure.
//
//go:embed goals.txt
var goals string

func main() {
	bench := flag.String("bench", "", "which benchmarks to run, as go test -bench takes it; empty: those of the table")
	rounds := flag.Int("rounds", 3, "rounds of which the median is taken, where contenders take turns")
	events := flag.Int("events", 1_000_000, "events of the large logs")
	times := flag.Int("times", 1, "how often all of it is run; the table has medians and, in brackets, the lowest and the highest")
	shelf := flag.String("shelf", "", "an empty folder for the large logs, which are filled once; removed afterwards. Default: a temporary one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	begun := time.Now()
	var runs [][]result
	end, err := eventstoretest.Shelf(*shelf)
	for err == nil && len(runs) < *times {
		var output strings.Builder
		err = run(ctx, *bench, fmt.Sprintf(suites, *rounds, *events, 3**events, min(10_000, *events/100)), &output)
		runs = append(runs, parse(output.String()))
	}
	end()
	missed := printTable(os.Stdout, runs)
	fmt.Printf("\n%d goals missed, in %s; medians of %d runs\n", missed, time.Since(begun).Round(time.Second), len(runs))
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run runs the benchmarks one package after another, shows what they print and keeps it.
func run(ctx context.Context, bench, suites string, output io.Writer) (err error) {
	for suite := range strings.Lines(suites) {
		args := append(strings.Fields("test -run ^$ -benchtime 1x -timeout 3h"), strings.Fields(suite)...)
		if bench != "" {
			args = append(args, "-bench", bench)
		}
		test := exec.CommandContext(ctx, "go", args...)
		test.Stdout, test.Stderr = io.MultiWriter(os.Stderr, output), os.Stderr
		err = errors.Join(err, test.Run())
	}
	return errors.Join(err, ctx.Err())
}

// result is the figures of a benchmark by their units.
type result struct {
	name    string
	figures map[string]float64
}

// once are the benchmarks of one database or of none, by the names that goals.txt has for them.
var once = map[string]string{"TwoInstances": "TwoInstances/postgres", "Binary": "Binary/sqlite"}

var benchmarkLine = regexp.MustCompile(`(?m)^Benchmark(\S+?)(?:-\d+)?[ \t]+\d+[ \t]+(.+)$`)

// parse reads lines such as BenchmarkName-8  1  12.3 unit  4.5 unit.
func parse(output string) (results []result) {
	for _, line := range benchmarkLine.FindAllStringSubmatch(output, -1) {
		r := result{cmp.Or(once[line[1]], line[1]), map[string]float64{}}
		for pairs := strings.Fields(line[2]); len(pairs) > 1; pairs = pairs[2:] {
			if value, err := strconv.ParseFloat(pairs[0], 64); err == nil {
				r.figures[pairs[1]] = value
			}
		}
		results = append(results, r)
	}
	return results
}

// printTable prints every row that has a figure, and the others by name. It returns how
// many goals are missed.
func printTable(w io.Writer, runs [][]result) (missed int) {
	var without []string
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "\nWHAT\tCOMPARED WITH\tSQLITE\tPOSTGRESQL\tRATIO\tGOAL\t")
	for line := range strings.Lines(goals) {
		r := regexp.MustCompile(` *\| *`).Split(strings.TrimSpace(line)+"||", 8)
		sqlite := newCell(strings.ReplaceAll(r[2], "%s", "sqlite"), r[3], r[4], r[5], runs)
		postgres := newCell(strings.ReplaceAll(r[2], "%s", "postgres"), r[3], r[4], r[6], runs)
		if sqlite.figure+postgres.figure == "" {
			without = append(without, r[0])
			continue
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r[0], r[1], cmp.Or(sqlite.figure, "–"), cmp.Or(postgres.figure, "–"),
			both(sqlite.ratio, postgres.ratio), both(sqlite.goal, postgres.goal), both(sqlite.verdict, postgres.verdict))
		missed += strings.Count(sqlite.verdict+postgres.verdict, "MISSED")
	}
	tw.Flush()
	if len(without) > 0 {
		fmt.Fprintf(w, "\nnot measured: %s\n", strings.Join(slices.Compact(without), "; "))
	}
	return missed
}

// cell is what a row says of a database. What is not known is empty.
type cell struct{ figure, ratio, goal, verdict string }

func newCell(benchmarks, figure, ratio, goal string, runs [][]result) (c cell) {
	of, most := regexp.MustCompile("^"+benchmarks+"$"), strings.HasPrefix(goal, "≤")
	_, c.figure = summary(of, figure, most, runs)
	_, c.ratio = summary(of, ratio, most, runs)
	aim, ofRatio := strings.CutSuffix(goal, "x")
	if ofRatio {
		figure = ratio
	}
	judged, known := summary(of, figure, most, runs)
	if goal == "" || known == "" {
		return c
	}
	bound, err := strconv.ParseFloat(strings.TrimLeft(aim, "≤≥ "), 64)
	if err != nil {
		panic(err) // goals.txt is part of the program
	}
	c.goal, c.verdict = aim, "MISSED"
	if judged == bound || most == (judged < bound) {
		c.verdict = "reached"
	}
	return c
}

// summary returns the median over all runs of a figure, and writes it, of several runs with
// the lowest and the highest. Where several benchmarks of a run have it, the worst counts.
func summary(benchmarks *regexp.Regexp, figure string, most bool, runs [][]result) (median float64, text string) {
	worst := slices.Min[[]float64]
	if most {
		worst = slices.Max[[]float64]
	}
	var all []float64
	for _, results := range runs {
		var values []float64
		for _, r := range results {
			if value, is := r.figures[figure]; is && benchmarks.MatchString(r.name) {
				values = append(values, value)
			}
		}
		if len(values) > 0 {
			all = append(all, worst(values))
		}
	}
	if len(all) == 0 {
		return 0, ""
	}
	slices.Sort(all)
	median = (all[(len(all)-1)/2] + all[len(all)/2]) / 2
	if len(all) == 1 {
		return median, number(median)
	}
	return median, number(median) + " (" + number(all[0]) + "–" + number(all[len(all)-1]) + ")"
}

// number writes three digits, or all of those before the point.
func number(value float64) string {
	return fmt.Sprintf("%.*g", max(3, len(strconv.Itoa(int(value)))), value)
}

// both writes the values of both databases, or one if they are the same.
func both(sqlite, postgres string) string {
	if sqlite == "" || postgres == "" || sqlite == postgres {
		return cmp.Or(sqlite, postgres)
	}
	return sqlite + " · " + postgres
}
