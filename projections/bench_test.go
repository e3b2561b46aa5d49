package projections_test

import (
	"flag"
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
// looking into an event. A rebuild reads the log once for each projection, as
// that program does; a replay reads it once for all.
func BenchmarkRebuild(b *testing.B) {
	eventstoretest.EachBench(b, func(b *testing.B, database func(testing.TB) eventstoretest.Database) {
		s := database(b).Open(b)
		if err := projections.Ensure(b.Context(), s); err != nil {
			b.Fatal(err)
		}
		if err := rivals.Fill(b.Context(), s, *benchEvents); err != nil {
			b.Fatal(err)
		}
		rebuild(b, s) // fills the tables that the others copy and compare with
		copied, err := newCopies(b.Context(), s)
		if err != nil {
			b.Fatal(err)
		}
		rate := func(work func() error) func() float64 {
			return func() float64 {
				begun := time.Now()
				if err := work(); err != nil {
					b.Fatal(err)
				}
				return float64(*benchEvents) / time.Since(begun).Seconds()
			}
		}
		pages := rivals.Turn{Name: "pages-and-upserts", Rate: rate(func() error { return copied.run(b.Context()) })}
		b.Run("rebuild", func(b *testing.B) {
			rivals.InTurns(b, rivals.Turn{Name: rivals.Ours, Rate: rate(func() error { rebuild(b, s); return nil })}, pages)
		})
		b.Run("replay", func(b *testing.B) {
			rivals.InTurns(b, rivals.Turn{Name: rivals.Ours, Rate: rate(func() error { compare(b, s); return nil })}, pages)
		})
	})
}

func rebuild(b *testing.B, s *eventstore.Store) {
	b.Helper()
	for _, p := range projections.All() {
		if err := projections.Rebuild(b.Context(), s, p.Name(), nil); err != nil {
			b.Fatal(err)
		}
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
