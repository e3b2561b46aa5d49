package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

// sizes say how much is measured.
type sizes struct {
	rounds  int
	turn    time.Duration // of one contender at one number of writers
	races   int           // appends of racing writers
	samples int           // of a latency, in one round
	live    int64         // events that a feed is measured over
	scale   []int64       // sizes of a log that grows
	idle    time.Duration
}

var (
	full  = sizes{rounds: 5, turn: 700 * time.Millisecond, races: 30_000, samples: 150, live: 10_000, scale: []int64{10_000, 100_000, 1_000_000}, idle: 10 * time.Second}
	short = sizes{rounds: 5, turn: 100 * time.Millisecond, races: 2_000, samples: 30, live: 1_000, scale: []int64{2_000, 10_000}, idle: 2 * time.Second}
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	b, err := newBench(args)
	if err != nil {
		return err
	}
	defer b.close()
	begun := time.Now()
	err = b.measure(ctx, begun)
	if err != nil {
		b.note("ended early, this is not all: %v", err)
	}
	return errors.Join(err, b.print(os.Stdout, time.Since(begun)))
}

func (b *bench) measure(ctx context.Context, begun time.Time) error {
	for _, d := range b.dialects {
		for _, s := range sections {
			if !b.wants(s.name) {
				continue
			}
			fmt.Fprintf(os.Stderr, "%6.1fs  %s: %s\n", time.Since(begun).Seconds(), d, s.name)
			if err := s.measure(ctx, b, d); err != nil {
				return fmt.Errorf("%s on %s: %w", s.name, d, err)
			}
		}
	}
	return nil
}

// sections in the order of the table.
var sections = []struct {
	name    string
	measure func(context.Context, *bench, eventstore.Dialect) error
}{
	{"append", measureAppend},
	{"import", measureImport},
	{"race", measureRaces},
	{"latency", measureLatency},
	{"live", measureLive},
	{"idle", measureIdle},
	{"scale", measureScale},
}

// bench is one run of the program.
type bench struct {
	sizes
	dialects []eventstore.Dialect
	only     []string
	dir      string
	cluster  *eventstoretest.Cluster
	made     int
	table
}

func newBench(args []string) (*bench, error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	isShort := flags.Bool("short", false, "small sizes: a look, not a measurement")
	rounds := flags.Int("rounds", 0, "rounds of which the median is taken")
	scale := flags.Int64("scale", 0, "events of the largest log; default 1,000,000")
	database := flags.String("database", "", "sqlite or postgres; default both")
	only := flags.String("only", "", "these sections, separated by commas: "+sectionNames())
	folder := flags.String("dir", "", "where the databases lie; default the folder for temporary files")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	b := &bench{sizes: full, dialects: []eventstore.Dialect{eventstore.SQLite, eventstore.Postgres}}
	if *isShort {
		b.sizes = short
	}
	if *rounds > 0 {
		b.rounds = *rounds
	}
	if *scale > 0 {
		b.scale = append(slices.DeleteFunc(slices.Clone(b.scale), func(n int64) bool { return n >= *scale }), *scale)
	}
	if *database != "" {
		b.dialects = []eventstore.Dialect{eventstore.Dialect(*database)}
	}
	if *only != "" {
		b.only = strings.Split(*only, ",")
	}
	return b, b.open(*folder)
}

func sectionNames() string {
	var names []string
	for _, s := range sections {
		names = append(names, s.name)
	}
	return strings.Join(names, " ")
}

func (b *bench) wants(section string) bool {
	return len(b.only) == 0 || slices.Contains(b.only, section)
}

func (b *bench) open(folder string) (err error) {
	if b.dir, err = os.MkdirTemp(folder, "scrapelog-bench-"); err != nil {
		return err
	}
	if slices.Contains(b.dialects, eventstore.Postgres) {
		if b.cluster, err = eventstoretest.StartCluster(); err != nil {
			return errors.Join(err, os.RemoveAll(b.dir))
		}
	}
	sync, err := syncTime(b.dir)
	b.note("%s, %d CPUs; %d rounds; 4 KB more of a file are on disk within %.1f ms", runtime.Version(), runtime.NumCPU(), b.rounds, float64(sync)/float64(time.Millisecond))
	return err
}

func (b *bench) close() {
	if b.cluster != nil {
		b.cluster.End()
	}
	_ = os.RemoveAll(b.dir)
}

// database makes an empty one and returns its URL.
func (b *bench) database(ctx context.Context, d eventstore.Dialect) (string, error) {
	b.made++
	name := fmt.Sprintf("bench_%d", b.made)
	if d == eventstore.SQLite {
		return "sqlite:" + filepath.Join(b.dir, name+".db"), nil
	}
	return b.cluster.CreateDatabase(ctx, name)
}

// store opens a new log.
func (b *bench) store(ctx context.Context, d eventstore.Dialect) (*eventstore.Store, error) {
	url, err := b.database(ctx, d)
	if err != nil {
		return nil, err
	}
	s, err := eventstore.Open(ctx, eventstore.Config{URL: url})
	if err != nil {
		return nil, err
	}
	return s, s.Migrate(ctx)
}
