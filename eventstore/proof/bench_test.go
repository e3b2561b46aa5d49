package proof_test

import (
	"path/filepath"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/proof"
	"scrapelog/eventstore/proof/prooftest"
)

const benchEvents = 100_000

// BenchmarkVerify reports verified events per second, and that as a part of
// what SHA-256 alone does over the same bytes.
func BenchmarkVerify(b *testing.B) {
	for name, database := range map[string]func(testing.TB) eventstoretest.Database{"sqlite": eventstoretest.SQLite, "postgres": eventstoretest.Postgres} {
		b.Run(name, func(b *testing.B) {
			store := database(b).Open(b)
			files := proof.Files{Key: filepath.Join(b.TempDir(), "audit.key")}
			if err := prooftest.Fill(b.Context(), store, "bench", benchEvents); err != nil {
				b.Fatal(err)
			}
			sealer, err := proof.Open(b.Context(), proof.Config{Store: store, Files: files})
			if err != nil {
				b.Fatal(err)
			}
			begun := time.Now()
			if err := sealer.Seal(b.Context()); err != nil {
				b.Fatal(err)
			}
			sealing := time.Since(begun)
			var verify, sha time.Duration
			for b.Loop() {
				speed, err := prooftest.Measure(b.Context(), store, files)
				if err != nil {
					b.Fatal(err)
				}
				verify, sha = verify+speed.Verify, sha+speed.SHA256
			}
			b.ReportMetric(float64(b.N)*benchEvents/verify.Seconds(), "verified/s")
			b.ReportMetric(sha.Seconds()/verify.Seconds(), "of-sha256")
			b.ReportMetric(benchEvents/sealing.Seconds(), "sealed/s")
		})
	}
}
