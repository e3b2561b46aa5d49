package main_test

import (
	"flag"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/eventstoretest/rivals"
	"scrapelog/handlers/gate/gatetest"
)

var longLog = flag.Int64("logged", 3_000_000, "events of the log that BenchmarkStart starts with")

// BenchmarkStart measures a server that starts with a long log: the time to /readyz, and
// its memory when it has nothing to do.
func BenchmarkStart(b *testing.B) {
	eventstoretest.EachBench(b, func(b *testing.B, database func(testing.TB) eventstoretest.Database) {
		db := database(b)
		store := db.Open(b)
		if err := rivals.Fill(b.Context(), store, *longLog); err != nil {
			b.Fatal(err)
		}
		if err := store.Close(); err != nil {
			b.Fatal(err)
		}
		sealed := start(b, "audit", "checkpoint", "--db", db.URL, "--accept-restored", "made by a benchmark")
		if <-sealed.done; sealed.err != nil {
			b.Fatal(sealed.err)
		}
		begin(b, db.URL) // makes the read models
		var took, resident []float64
		rivals.Rounds(func() {
			ready, memory := begin(b, db.URL)
			took, resident = append(took, ready.Seconds()*1e3), append(resident, float64(memory)/(1<<20))
		})
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(rivals.Median(took), "ms-to-ready")
		b.ReportMetric(rivals.Median(resident), "MiB-idle")
	})
}

// begin starts a server, measures it when it is idle, and stops it.
func begin(b *testing.B, database string) (ready time.Duration, memory int64) {
	b.Helper()
	listen, began := gatetest.FreeAddress(b), time.Now()
	server := start(b, "serve", "--db", database, "--listen", listen)
	a := api{b, "http://" + listen}
	await(b, 10*time.Minute, "the server is ready", func() bool { return a.do("GET", "/readyz", "", nil) == http.StatusOK })
	ready = time.Since(began)
	process := measured{b, server.Process.Pid}
	for used := time.Duration(-1); process.cpu()-used > 20*time.Millisecond; <-time.After(2 * time.Second) {
		used = process.cpu()
	}
	memory = process.memory()
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		b.Fatal(err)
	}
	<-server.done
	return ready, memory
}

// BenchmarkBinary builds as a clean clone is built, and measures the binary.
func BenchmarkBinary(b *testing.B) {
	for b.Loop() {
		if out, err := exec.CommandContext(b.Context(), "make", "-C", filepath.Join("..", ".."), "build").CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
	binary, err := os.Stat(filepath.Join("..", "..", "bin", "scrapelog"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(binary.Size())/1e6, "MB")
}
