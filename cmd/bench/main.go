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
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"scrapelog/eventstore/eventstoretest"
)

// suite is the benchmarks of a package, and their flags.
type suite struct {
	pkg, bench string
	flags      func(size) []any
}

// size is how much is measured.
type size struct{ rounds, events int }

var suites = []suite{
	{"./eventstore", ".", inTurns},
	{"./eventstore/proof", ".", inTurns},
	{"./projections", ".", func(s size) []any { return inTurns(size{1, s.events}) }}, // a round takes a minute
	{"./handlers/react", ".", inTurns},
	{"./handlers/web", "Pages/.*/^runs", func(s size) []any {
		return []any{"-benchtime", "200x", "-runs", s.events, "-scrapers", min(10_000, s.events/100)}
	}},
	{"./cmd/scrapelog", "Start|Binary|LossAndReturn|Scale", func(s size) []any {
		return append(inTurns(s), "-logged", 3*s.events, "-streams", min(10_000, s.events/100))
	}},
}

func inTurns(s size) []any { return []any{"-rounds", s.rounds, "-events", s.events} }

func main() {
	bench := flag.String("bench", "", "which benchmarks to run, as go test -bench takes it; empty: those of the table")
	var s size
	flag.IntVar(&s.rounds, "rounds", 3, "rounds of which the median is taken, where contenders take turns")
	flag.IntVar(&s.events, "events", 1_000_000, "events of the large logs")
	times := flag.Int("times", 1, "how often all of it is run; the table has medians and, in brackets, the lowest and the highest")
	shelf := flag.String("shelf", "", "an empty folder for the large logs, which are filled once; removed afterwards. Default: a temporary one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	begun := time.Now()
	results, err := onShelf(ctx, *shelf, *times, func(ctx context.Context, time int) ([]result, error) { return run(ctx, *bench, s, time) })
	fmt.Println()
	missed := printTable(os.Stdout, results)
	fmt.Printf("\n%d goals missed, in %s; medians of %d runs\n", missed, time.Since(begun).Round(time.Second), *times)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// onShelf runs all of it so many times with one server of PostgreSQL and one folder, where
// the logs are that were filled once.
func onShelf(ctx context.Context, folder string, times int, run func(context.Context, int) ([]result, error)) (all []result, err error) {
	folder, err = os.MkdirTemp(folder, "scrapelog-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	cluster, err := eventstoretest.StartCluster()
	if err != nil {
		return nil, err
	}
	defer cluster.End()
	err = errors.Join(os.Setenv(eventstoretest.ShelfVariable, folder), os.Setenv(eventstoretest.ServerVariable, cluster.URL))
	for time := 0; time < times && err == nil && ctx.Err() == nil; time++ {
		results, failed := run(ctx, time)
		all, err = append(all, results...), errors.Join(err, failed)
	}
	return all, errors.Join(err, ctx.Err())
}

// run runs the benchmarks one package after another and shows what they print.
func run(ctx context.Context, bench string, of size, time int) (results []result, err error) {
	for _, s := range suites {
		if bench != "" {
			s.bench = bench
		}
		args := []string{"test", "-run", "^$", "-bench", s.bench, "-benchtime", "1x", "-timeout", "3h", s.pkg}
		for _, flag := range s.flags(of) {
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
				r.run = time
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
	r.name, r.figures = strings.TrimPrefix(fields[0], "Benchmark"), map[string]float64{}
	if i := strings.LastIndex(r.name, "-"); i >= 0 { // the number of processors
		r.name = r.name[:i]
	}
	if named, is := once[r.name]; is {
		r.name = named
	}
	for i := 2; i+1 < len(fields); i += 2 {
		value, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return result{}, false
		}
		r.figures[fields[i+1]] = value
	}
	return r, true
}
