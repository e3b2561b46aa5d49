package proof_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"flag"
	"path/filepath"
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
		s := database(b).Open(b)
		if err := rivals.Fill(b.Context(), s, *benchEvents); err != nil {
			b.Fatal(err)
		}
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
		rate := func(work func() error) func() float64 {
			return func() float64 {
				begun := time.Now()
				if err := work(); err != nil {
					b.Fatal(err)
				}
				return float64(*benchEvents) / time.Since(begun).Seconds()
			}
		}
		verify := func() error {
			result, err := proof.Verify(b.Context(), s, proof.Options{Files: files}, nil)
			if err == nil && result.Verdict != proof.Intact {
				b.Fatalf("a false alarm: %s", result.Text())
			}
			return err
		}
		hash := func() error { return hashAll(b.Context(), s.Reader()) }
		rivals.InTurns(b, rivals.Turn{Name: rivals.Ours, Rate: rate(verify)}, rivals.Turn{Name: "read-and-hash", Rate: rate(hash)})
		b.ReportMetric(float64(*benchEvents)/sealing.Seconds(), "sealed/s")
	})
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
