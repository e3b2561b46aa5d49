package main_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// schedules is how many BenchmarkScaleSchedules has.
const schedules = 1000

// BenchmarkScaleSchedules measures how late slots start: a thousand that are
// spread over a minute, and a thousand that are due at the same instant.
func BenchmarkScaleSchedules(b *testing.B) {
	for name, database := range map[string]func(testing.TB) eventstoretest.Database{"sqlite": eventstoretest.SQLite, "postgres": eventstoretest.Postgres} {
		spread := func(b *testing.B) { late(b, database(b).URL, domain.Duration(50*time.Second)) }
		b.Run(name+"/spread", spread)                                                  // ends shortly before a minute
		b.Run(name+"/one-instant", func(b *testing.B) { late(b, database(b).URL, 0) }) // which is that instant
	}
}

func late(b *testing.B, database string, jitter domain.Duration) {
	report(b, "late", slotsLate(b, database, jitter))
	b.ReportMetric(0, "ns/op")
}

// slotsLate is how late each scraper's first slot was started.
func slotsLate(b *testing.B, database string, jitter domain.Duration) (late []time.Duration) {
	scraper := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "event: completed\ndata: {\"items\":1}\n\n")
	}))
	b.Cleanup(scraper.Close)
	listen := gatetest.FreeAddress(b)
	var config strings.Builder
	fmt.Fprintf(&config, "listen: %s\ndatabase: %q\nscrapers:\n", listen, database)
	for i := range schedules {
		fmt.Fprintf(&config, "  - {name: s-%d, url: %q, schedule: \"* * * * *\", jitter: %s}\n", i, scraper.URL, jitter)
	}
	start(b, "serve", "--config", write(b, filepath.Join(b.TempDir(), "scrapelog.yaml"), config.String()))
	a := api{b, "http://" + listen}
	await(b, 5*time.Minute, "the server is ready", func() bool { return a.do("GET", "/readyz", "", nil) == http.StatusOK })
	position := a.head()
	deadline := time.Now().Add(5 * time.Minute)
	for len(late) < schedules {
		if time.Now().After(deadline) {
			b.Fatalf("%d of %d slots were started", len(late), schedules)
		}
		var page struct{ Events []event }
		a.do("GET", fmt.Sprintf("/api/v1/events?limit=500&type=run.started&after=%d", position), "", &page)
		for _, e := range page.Events {
			position = e.Position
			late = append(late, e.RecordedAt.Sub(startsAt(b, e, jitter)))
		}
		<-time.After(time.Second)
	}
	if early := slices.Min(late); early < 0 {
		b.Errorf("a slot was started %v early", -early)
	}
	return late
}

// startsAt is when a run had to start: its slot, and its part of the jitter.
func startsAt(b *testing.B, e event, jitter domain.Duration) time.Time {
	due, err := time.Parse(time.RFC3339Nano, fmt.Sprint(e.Data["due_at"]))
	if err != nil {
		b.Fatal(err)
	}
	return domain.ScraperConfig{Name: fmt.Sprint(e.Data["scraper"]), Jitter: jitter}.Jittered(due)
}
