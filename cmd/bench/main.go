// Bench runs the benchmarks and prints their figures beside what they are
// compared with and the goals. A missed goal is printed as missed. Ratios can be
// compared between machines, rates cannot.
package main

import (
	"bufio"
	"context"
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
)

// goal is a bound for one figure of the benchmarks that match.
type goal struct {
	benchmark string // regular expression over the name, without "Benchmark"
	figure    string
	bound     float64
	most      bool // the figure may be at most bound; otherwise at least
}

var goals = []goal{
	{`^Append/sqlite/writers=1$`, "x-plain", 1.0, false},
	{`^Append/sqlite/writers=8$`, "x-plain", 3.5, false},
	{`^Append/sqlite/writers=32$`, "x-plain", 7, false},
	{`^Append/sqlite/writers=64$`, "x-plain", 10, false},
	{`^Append/postgres/writers=1$`, "x-plain", 0.75, false},
	{`^Append/postgres/writers=8$`, "x-plain", 1.5, false},
	{`^Append/postgres/writers=32$`, "x-plain", 3.0, false},
	{`^Append/postgres/`, "x-message-db", 1.0, false},
	{`^Append/.*/writers=(8|32)$`, "x-watermill-sql", 1.0, false},
	{`^TwoInstances$`, "x-one", 0.8, false},
	{`^Import/`, "x-plain", 1.0, false},
	{`^Race/`, "skipped", 0, true},
	{`^Growth/`, "x-small", 1 / 1.5, false},
	{`^Growth/`, "x-row", 1.35, true},
	{`^CommitToHandler/sqlite$`, "scrapelog-p50-ms", 1, true},
	{`^CommitToHandler/sqlite$`, "scrapelog-p99-ms", 4, true},
	{`^CommitToHandler/postgres$`, "scrapelog-p50-ms", 1.5, true},
	{`^CommitToHandler/postgres$`, "scrapelog-p99-ms", 6, true},
	{`^Live/sqlite$`, "scrapelog/s", 20_000, false},
	{`^Live/postgres$`, "scrapelog/s", 15_000, false},
	{`^Live/`, "x-bare-watermill", 1, false},
	{`^Live/`, "cpu-µs/event", 50, true},
	{`^Backlog/`, "x-small", 0.9, false},
	{`^Idle/`, "cpu-%", 0.2, true},
	{`^Idle/`, "written", 0, true},
	{`^Rebuild/`, "x-pages-and-upserts", 0.7, false},
	{`^Verify/`, "x-read-and-hash", 1.5, false},
	{`^Pages/.*/runs\?`, "p99-ms", 20, true},
	{`^Pages/.*/runs\?`, "p99-ratio", 2, true},
	{`^Start/`, "ms-to-ready", 300, true},
	{`^Start/`, "MiB-idle", 40, true},
	{`^Binary$`, "MB", 30, true},
	{`^LossAndReturn/`, "lost-over-bare-p50-ms", 5, true},
	{`^LossAndReturn/`, "lost-over-bare-p99-ms", 50, true},
	{`^LossAndReturn/.*announce=true$`, "back-p95-ms", 100, true},
	{`^LossAndReturn/.*announce=false$`, "back-p95-ms", 1300, true},
	{`^ScaleSchedules/.*/spread$`, "late-p99-ms", 20, true},
	{`^ScaleSchedules/.*/one-instant$`, "late-p99-ms", 150, true},
	{`^Scale/`, "KiB/stream", 60, true},
	{`^Scale/`, "cores-held", 1, true},
	{`^Scale/`, "ms-silence-late-max", 1500, true}, // a tenth of three beats
	{`^Scale/`, "s-all-recorded", 4, true},
	{`^Scale/`, "s-all-rescraped", 10, true},
	{`^Scale/`, "page-p99-ms", 300, true},
}

// suite is the benchmarks of a package, and their flags for large logs of that many
// events.
type suite struct {
	pkg, bench string
	flags      func(rounds, events int) []any
}

var suites = []suite{
	{"./eventstore", ".", inTurns},
	{"./eventstore/proof", ".", inTurns},
	{"./projections", ".", inTurns},
	{"./handlers/react", ".", inTurns},
	{"./handlers/web", "Pages", func(_, events int) []any {
		return []any{"-benchtime", "300x", "-runs", events, "-scrapers", min(10_000, events/100)}
	}},
	{"./cmd/scrapelog", ".", func(rounds, events int) []any {
		return []any{"-rounds", rounds, "-events", events, "-logged", 3 * events, "-streams", min(10_000, events/100)}
	}},
}

func inTurns(rounds, events int) []any { return []any{"-rounds", rounds, "-events", events} }

func main() {
	bench := flag.String("bench", ".", "which benchmarks to run, as go test -bench takes it")
	rounds := flag.Int("rounds", 5, "rounds of which the median is taken")
	events := flag.Int("events", 1_000_000, "events of the large logs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	begun := time.Now()
	results, err := run(ctx, *bench, *rounds, *events)
	fmt.Println()
	missed := printTable(os.Stdout, results)
	fmt.Printf("\n%d goals missed, in %s; medians of %d rounds\n", missed, time.Since(begun).Round(time.Second), *rounds)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// result is one line of a benchmark: its name and its figures in the order in
// which they were printed.
type result struct {
	name    string
	figures []figure
}

type figure struct {
	name  string
	value float64
}

// run runs the benchmarks one package after another and shows what they print.
func run(ctx context.Context, bench string, rounds, events int) (results []result, err error) {
	for _, s := range suites {
		if bench != "." {
			s.bench = bench
		}
		args := []string{"test", "-run", "^$", "-bench", s.bench, "-benchtime", "1x", "-timeout", "3h", s.pkg}
		for _, flag := range s.flags(rounds, events) {
			args = append(args, fmt.Sprint(flag))
		}
		test := exec.CommandContext(ctx, "go", args...)
		test.Stderr = os.Stderr
		output, piped := test.StdoutPipe()
		if err := errors.Join(piped, test.Start()); err != nil {
			return results, err
		}
		for lines := bufio.NewScanner(output); lines.Scan(); {
			fmt.Fprintln(os.Stderr, lines.Text())
			if r, ok := parse(lines.Text()); ok {
				results = append(results, r)
			}
		}
		err = errors.Join(err, test.Wait())
	}
	return results, err
}

// parse reads a line of the format of go test -bench:
// BenchmarkName-8  1  12.3 unit  4.5 unit.
func parse(line string) (r result, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
		return result{}, false
	}
	r.name = strings.TrimPrefix(fields[0], "Benchmark")
	if i := strings.LastIndex(r.name, "-"); i >= 0 { // the number of processors
		r.name = r.name[:i]
	}
	for i := 2; i+1 < len(fields); i += 2 {
		value, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return result{}, false
		}
		r.figures = append(r.figures, figure{fields[i+1], value})
	}
	return r, true
}

// printTable prints every figure beside its goal and returns how many are missed.
func printTable(w io.Writer, results []result) (missed int) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "WHAT\tFIGURE\tVALUE\tGOAL\t")
	for _, r := range results {
		for _, f := range r.figures {
			aim, verdict := judge(r.name, f)
			if verdict == "MISSED" {
				missed++
			}
			fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", r.name, f.name, strconv.FormatFloat(f.value, 'g', 4, 64), aim, verdict)
		}
	}
	tw.Flush()
	return missed
}

// judge compares a figure with its goal, if it has one.
func judge(name string, f figure) (aim, verdict string) {
	i := slices.IndexFunc(goals, func(g goal) bool {
		return g.figure == f.name && regexp.MustCompile(g.benchmark).MatchString(name)
	})
	if i < 0 {
		return "", ""
	}
	g := goals[i]
	sign, reached := "≥", f.value >= g.bound
	if g.most {
		sign, reached = "≤", f.value <= g.bound
	}
	verdict = "MISSED"
	if reached {
		verdict = "reached"
	}
	return fmt.Sprintf("%s %.3g", sign, g.bound), verdict
}
