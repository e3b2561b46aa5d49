package proof_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"flag"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/eventstoretest/rivals"
	"scrapelog/eventstore/proof"
)

var benchEvents = flag.Int64("events", 1_000_000, "events of the log that benchmarks work on")

// BenchmarkVerify verifies a sealed log beside one reader that reads the same
// rows and hashes them.
func BenchmarkVerify(b *testing.B) {
	eventstoretest.EachBench(b, func(b *testing.B, database func(testing.TB) eventstoretest.Database) {
		s := rivals.Log(b, database(b).Dialect, *benchEvents).Open(b)
		files := proof.Files{Key: filepath.Join(b.TempDir(), "audit.key")}
		sealer, err := proof.Open(b.Context(), proof.Config{Store: s, Files: files, Begin: true})
		if err != nil {
			b.Fatal(err)
		}
		begun := time.Now()
		if err := sealer.Seal(b.Context()); err != nil {
			b.Fatal(err)
		}
		sealing := time.Since(begun)
		cpu, rounds := map[string]time.Duration{}, 0
		rate := func(name string, work func() error) rivals.Turn {
			return rivals.Turn{Name: name, Rate: func() float64 {
				begun, spent := time.Now(), processorTime(b)
				if err := work(); err != nil {
					b.Fatal(err)
				}
				cpu[name] += processorTime(b) - spent
				rounds++
				return float64(*benchEvents) / time.Since(begun).Seconds()
			}}
		}
		verify := func() error {
			result, err := proof.Verify(b.Context(), s, proof.Options{Files: files}, nil)
			if err == nil && result.Verdict != proof.Intact {
				b.Fatalf("a false alarm: %s", result.Text())
			}
			return err
		}
		hash := func() error { return hashAll(b.Context(), s.Reader()) }
		rivals.InTurns(b, rate(rivals.Ours, verify), rate("read-and-hash", hash))
		// On a busy machine only this can be compared: two streams take the time of both
		// cores, and the rival that of one. That of the server of PostgreSQL is not in it.
		for name, spent := range cpu {
			b.ReportMetric(float64(spent.Microseconds())/float64(*benchEvents*int64(rounds)/2), name+"-cpu-µs/event")
		}
		b.ReportMetric(float64(*benchEvents)/sealing.Seconds(), "sealed/s")
	})
}

// processorTime is what this process has used of all processors.
func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// hashAll reads every row of the log and hashes it.
func hashAll(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, `SELECT position, stream, version, id, type, recorded_at, data, metadata FROM events ORDER BY position`)
	if err != nil {
		return err
	}
	defer rows.Close()
	var columns [8]sql.RawBytes
	var into [8]any
	for i := range columns {
		into[i] = &columns[i]
	}
	var event []byte
	for rows.Next() {
		if err := rows.Scan(into[:]...); err != nil {
			return err
		}
		event = event[:0]
		for _, column := range columns {
			event = append(event, column...)
		}
		_ = sha256.Sum256(event)
	}
	return rows.Err()
}
