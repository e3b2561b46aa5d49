package trace

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/feed"
	"scrapelog/handlers/command"
	"scrapelog/handlers/dial"
	"scrapelog/handlers/scrape"
)

func TestMain(m *testing.M) { os.Exit(eventstoretest.Main(m)) }

// BenchmarkRun starts a run and waits until its end is in the log, without traces and
// with an exporter that costs nothing.
func BenchmarkRun(b *testing.B) {
	b.Run("off", func(b *testing.B) { benchmarkRun(b, nil) })
	b.Run("on", func(b *testing.B) {
		t := newTracer(sdk.WithBatcher(tracetest.NewNoopExporter()))
		defer t.Close()
		benchmarkRun(b, t)
	})
}

func benchmarkRun(b *testing.B, t *Tracer) {
	scraper := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "event: completed\ndata: {\"items\":1}\n\n")
	}))
	defer scraper.Close()
	store := eventstoretest.SQLite(b).Open(b)
	commands := &command.Handler{
		Log: store, Instance: func() string { return "i" }, Follower: func(context.Context) (string, error) { return "i", nil },
		Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	}
	config := domain.DefaultScraperConfig()
	config.Name, config.URL = "shop", scraper.URL
	ended := make(chan error, 1)
	supervisor := &scrape.Supervisor{
		Instance: "i", OpenRuns: feed.New(store).OpenRuns, LoadRun: commands.Run, Wake: store.Wake, Leave: func(context.Context) {},
		Config: func(context.Context, string) (dial.Target, error) { return dial.Target{ScraperConfig: config}, nil },
		Handle: func(ctx context.Context, c domain.Command, by domain.Origin) ([]eventstore.Recorded, error) {
			recorded, err := commands.Handle(ctx, c, by)
			ended <- err
			return recorded, err
		},
		Logger: slog.New(slog.DiscardHandler),
	}
	if t != nil {
		commands.Observe, supervisor.Trace = t.Observe, t.Exchange
	}
	shop := domain.ToScraper{Scraper: "shop"}
	if _, err := commands.Handle(b.Context(), domain.ConfigureScraper{ToScraper: shop, Source: domain.SourceFile, Config: config}, domain.Origin{}); err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error)
	go func() { done <- supervisor.Run(ctx) }()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := commands.Handle(ctx, domain.StartScrape{ToScraper: shop, RunID: uuid.New(), Trigger: domain.TriggerManual}, domain.Origin{}); err != nil {
			b.Fatal(err)
		}
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	stop()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
