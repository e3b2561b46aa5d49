package projections_test

import (
	"errors"
	"flag"
	"sync"
	"testing"
	"time"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/eventstoretest/rivals"
	"scrapelog/projections"
	"scrapelog/projections/replay"
)

var benchEvents = flag.Int64("events", 1_000_000, "events of the log that benchmarks work on")

// BenchmarkRebuild rebuilds every projection from the log, and replays it,
// beside a program that reads the same pages and upserts the same rows without
// looking into an event. All three read the log once.
func BenchmarkRebuild(b *testing.B) {
	eventstoretest.EachBench(b, func(b *testing.B, database func(testing.TB) eventstoretest.Database) {
		s := rivals.Log(b, database(b).Dialect, *benchEvents).Open(b)
		if err := projections.Ensure(b.Context(), s); err != nil {
			b.Fatal(err)
		}
		copied := sync.OnceValues(func() (*copies, error) { return newCopies(b.Context(), s) }) // of what the first rebuild fills
		rate := func(name string, prepare, work func() error) rivals.Turn {
			return rivals.Turn{Name: name, Rate: func() float64 {
				if err := prepare(); err != nil {
					b.Fatal(err)
				}
				begun := time.Now()
				if err := work(); err != nil {
					b.Fatal(err)
				}
				return float64(*benchEvents) / time.Since(begun).Seconds()
			}}
		}
		ready := func() error { return nil }
		rebuilt := rate("rebuild", ready, func() error { rebuild(b, s); return nil })
		replayed := rate("replay", ready, func() error { compare(b, s); return nil })
		pages := rate("pages-and-upserts", func() error { _, err := copied(); return err }, func() error {
			from, err := copied()
			return errors.Join(err, from.run(b.Context()))
		})
		rates := rivals.Rates(rebuilt, pages, replayed)
		for _, name := range []string{rebuilt.Name, replayed.Name} {
			b.Run(name, func(b *testing.B) { rivals.Report(b, rates, name, pages) })
		}
	})
}

func rebuild(b *testing.B, s *eventstore.Store) {
	b.Helper()
	if err := projections.Rebuild(b.Context(), s, projections.Names(), nil); err != nil {
		b.Fatal(err)
	}
}

func compare(b *testing.B, s *eventstore.Store) {
	b.Helper()
	result, err := replay.Compare(b.Context(), s, replay.Config{Against: replay.InTables(s)})
	if err != nil {
		b.Fatal(err)
	}
	if !result.Equal {
		b.Fatalf("a false alarm: %d rows differ", result.Differing)
	}
}
