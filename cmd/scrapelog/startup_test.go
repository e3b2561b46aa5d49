package main_test

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/eventstoretest/rivals"
	"scrapelog/handlers/gate/gatetest"
	"scrapelog/handlers/react"
	"scrapelog/projections"
)

var longLog = flag.Int64("logged", 3_000_000, "events of the log that BenchmarkStart starts with")

// BenchmarkStart measures a server that starts with a long log: the time to /readyz, and
// its memory when it has nothing to do.
func BenchmarkStart(b *testing.B) {
	eventstoretest.EachBench(b, func(b *testing.B, database func(testing.TB) eventstoretest.Database) {
		db := eventstoretest.Prepared(b, database(b).Dialect, fmt.Sprintf("models_%d", *longLog), func(s *eventstore.Store) error {
			return errors.Join(rivals.Fill(b.Context(), s, *longLog), projections.Ensure(b.Context(), s), answered(b.Context(), s))
		})
		sealed := start(b, "audit", "checkpoint", "--db", db.URL, "--accept-restored", "made by a benchmark")
		if <-sealed.done; sealed.err != nil {
			b.Fatal(sealed.err)
		}
		begin(b, db.URL, nil) // the first start has more to do
		var took []float64
		rivals.Rounds(func() { took = append(took, begin(b, db.URL, nil).Seconds()*1e3) })
		var resident int64
		begin(b, db.URL, func(idle measured) { resident = idle.memory() })
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(rivals.Median(took), "ms-to-ready")
		b.ReportMetric(float64(resident)/(1<<20), "MiB-idle")
	})
}

// answered has the saga at the end of the log: a server that answers returns is not idle.
func answered(ctx context.Context, s *eventstore.Store) error {
	return s.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO consumer_offsets (topic, consumer_group, position) SELECT $1, $2, max(position) FROM events`, eventstore.Topic, react.RescrapeGroup)
		return err
	})
}

// begin starts a server and stops it when it is ready and, if look is not nil, look has
// seen it idle.
func begin(b *testing.B, database string, look func(measured)) (ready time.Duration) {
	b.Helper()
	listen, began := gatetest.FreeAddress(b), time.Now()
	server := start(b, "serve", "--db", database, "--listen", listen)
	a := api{b, "http://" + listen}
	await(b, 10*time.Minute, "the server is ready", func() bool { return a.do("GET", "/readyz", "", nil) == http.StatusOK })
	ready = time.Since(began)
	if look != nil {
		process := measured{b, server.Process.Pid}
		for used := time.Duration(-1); process.cpu()-used > 20*time.Millisecond; <-time.After(2 * time.Second) {
			used = process.cpu()
		}
		look(process)
	}
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		b.Fatal(err)
	}
	<-server.done
	return ready
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
