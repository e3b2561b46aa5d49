package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"scrapelog/domain"
	"scrapelog/domain/domaintest"
	"scrapelog/eventstore/feed"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/metrics"
	"scrapelog/projections"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func after(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }

// known are sources that know something.
func known() metrics.Sources {
	return metrics.Sources{
		Version: "1.2.3", PerScraper: true, Logger: slog.New(slog.DiscardHandler),
		Head: func(context.Context) (int64, error) { return 42, nil },
		Counts: func(context.Context) (projections.Counts, error) {
			return projections.Counts{"running": 3, "failed": 2}, nil
		},
		Relays: func(context.Context) ([]feed.Group, error) {
			return []feed.Group{{Name: "forward:nats", Position: 3, Lag: 4}}, nil
		},
		Groups: func(context.Context) ([]feed.Group, error) {
			return []feed.Group{{Name: "runs", Position: 40, Lag: 2, Behind: 1500 * time.Millisecond}}, nil
		},
		Vitals: func(context.Context) ([]projections.Vitals, error) {
			return []projections.Vitals{{Name: "shop", LastSuccess: noon}, {Name: "prices", Lost: true, Failing: true, Overdue: noon}}, nil
		},
		Outages:   func(context.Context) (int, error) { return 1, nil },
		Notices:   func(yield func(channel, result string, n int64)) { yield("ops", "given_up", 6) },
		Instances: func(context.Context) (int, error) { return 2, nil },
		Streams:   func() map[string]int { return map[string]int{"scraper": 7, "watch": 1, "events": 2, "page": 3} },
		Waiting:   func() (ends, slots int) { return 4, 5 },
		Sealing:   func() proof.State { return proof.State{Sealed: 41, CheckedAt: noon} },
		Verified:  func() (domain.LogVerified, string) { return domain.LogVerified{UpTo: 33, At: noon.Add(-time.Hour)}, "" },
		Wrong:     func() []string { return nil },
	}
}

func scrape(m *metrics.Metrics) string {
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

// has holds a scrape against the lines that it must have.
func has(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("no %s in\n%s", line, text)
		}
	}
}

func TestWhatIsKnownIsReadAtEachScrape(t *testing.T) {
	has(t, scrape(metrics.New(known())),
		`scrapelog_database_up 1`, `scrapelog_runs_open 3`, `scrapelog_runs{status="failed"} 2`, `scrapelog_log_head_position 42`,
		`scrapelog_outages_open 1`, `scrapelog_notices_total{channel="ops",result="given_up"} 6`,
		`scrapelog_scraper_failing{scraper="prices"} 1`, `scrapelog_scraper_failing{scraper="shop"} 0`, `scrapelog_scraper_overdue{scraper="prices"} 1`,
		`scrapelog_scraper_last_success_timestamp_seconds{scraper="shop"} 1.7958672e+09`,
		`scrapelog_instances 2`, `scrapelog_consumer_position{consumer="runs"} 40`, `scrapelog_consumer_lag_events{consumer="runs"} 2`, `scrapelog_consumer_lag_events{consumer="forward:nats"} 4`,
		`scrapelog_consumer_lag_seconds{consumer="runs"} 1.5`, `scrapelog_scraper_up{scraper="shop"} 1`, `scrapelog_scraper_up{scraper="prices"} 0`,
		`scrapelog_open_streams{kind="scraper"} 7`, `scrapelog_open_streams{kind="page"} 3`, `scrapelog_ends_waiting 4`, `scrapelog_slots_overdue 5`,
		`scrapelog_log_damaged 0`, `scrapelog_log_sealed_position 41`, `scrapelog_log_sealed_timestamp_seconds 1.7958672e+09`,
		`scrapelog_log_verified_position 33`, `scrapelog_log_verified_timestamp_seconds 1.7958636e+09`)
}

func TestADamagedLogIsSaid(t *testing.T) {
	refused, changed, failed := known(), known(), known()
	failed.Verified = func() (domain.LogVerified, string) {
		return domain.LogVerified{}, "the event at position 17 was edited"
	}
	refused.Sealing = func() proof.State { return proof.State{Refused: "Event 3 is not as it was signed."} }
	changed.Wrong = func() []string { return []string{"a trigger is missing"} }
	for name, from := range map[string]metrics.Sources{"sealing refused": refused, "changed without an event": changed, "a bad verification": failed} {
		t.Run(name, func(t *testing.T) { has(t, scrape(metrics.New(from)), "scrapelog_log_damaged 1") })
	}
}

func TestWithoutTheDatabaseTheRestIsServed(t *testing.T) {
	from := known()
	from.Counts = func(context.Context) (projections.Counts, error) { return nil, errors.New("away") }
	text := scrape(metrics.New(from))
	has(t, text, `scrapelog_database_up 0`, `scrapelog_ends_waiting 4`, `scrapelog_runs_ended_total{status="failed"} 0`)
	if strings.Contains(text, "scrapelog_log_head_position") {
		t.Error("a part of the database's figures is served")
	}
}

func TestNamesOfScrapersCanBeLeftOut(t *testing.T) {
	from := known()
	from.PerScraper = false
	from.Vitals = func(context.Context) ([]projections.Vitals, error) { return nil, errors.New("asked all the same") }
	text := scrape(metrics.New(from))
	has(t, text, `scrapelog_database_up 1`)
	if strings.Contains(text, "scraper=") {
		t.Errorf("a scraper is named in\n%s", text)
	}
}

func TestWhatHappensIsCountedAndMeasured(t *testing.T) {
	about := domain.AboutRun{RunID: uuid.New(), Scraper: "shop", At: after(30)}
	run := domain.Run{ID: about.RunID, StartedAt: noon}
	for name, test := range map[string]struct {
		fact  domain.Fact
		lines []string
	}{
		"a completed run": {
			domain.Fact{Event: domain.RunCompleted{AboutRun: about}, Run: run, RecordedAt: after(31)},
			[]string{`scrapelog_runs_ended_total{status="completed"} 1`, `scrapelog_run_duration_seconds_sum 30`},
		},
		"a failed run": {
			domain.Fact{Event: domain.RunFailed{AboutRun: about}, Run: run},
			[]string{`scrapelog_runs_ended_total{status="failed"} 1`, `scrapelog_runs_ended_total{status="completed"} 0`},
		},
		"a cancelled run": {
			domain.Fact{Event: domain.RunCancelled{AboutRun: about}, Run: run},
			[]string{`scrapelog_runs_ended_total{status="cancelled"} 1`, `scrapelog_run_duration_seconds_count 1`},
		},
		"a stream that was lost": {
			domain.Fact{Event: domain.ConnectionLost{AboutRun: about, Link: "scraper", Cause: "missed_beats", Phase: "streaming", LastHeardAt: after(15)}, Run: run, RecordedAt: after(30.5)},
			[]string{
				`scrapelog_runs_ended_total{status="connection_failed"} 1`, `scrapelog_loss_detection_seconds_sum 15.5`,
				`scrapelog_connection_losses_total{cause="missed_beats",link="scraper"} 1`, `scrapelog_connection_losses_total{cause="watcher_gone",link="watcher"} 0`,
			},
		},
		"a connection that could not be opened": {
			domain.Fact{Event: domain.ConnectionLost{AboutRun: about, Link: "scraper", Cause: "refused", Phase: "connecting"}, Run: run, RecordedAt: after(.25)},
			[]string{`scrapelog_loss_detection_seconds_sum 0.25`},
		},
		"an instance that died": {
			domain.Fact{Event: domain.ConnectionLost{AboutRun: about, Link: "scraper", Cause: "instance_lost"}, Run: run, RecordedAt: after(40)},
			[]string{`scrapelog_connection_losses_total{cause="instance_lost",link="scraper"} 1`, `scrapelog_loss_detection_seconds_count 0`},
		},
		"a slot that started": {
			domain.Fact{Event: domain.RunStarted{AboutRun: about, Trigger: "schedule", DueAt: noon}, Due: after(5), RecordedAt: after(5.125)},
			[]string{`scrapelog_slot_delay_seconds_sum 0.125`, `scrapelog_recovery_seconds_count 0`},
		},
		"a recovery that started": {
			domain.Fact{Event: domain.RunStarted{AboutRun: about, Trigger: "recovery", Recovers: uuid.New()}, Due: after(5), RecordedAt: after(5.5)},
			[]string{`scrapelog_recovery_seconds_sum 0.5`, `scrapelog_slot_delay_seconds_count 0`},
		},
		"a start by hand": {
			domain.Fact{Event: domain.RunStarted{AboutRun: about, Trigger: "manual"}, RecordedAt: after(5)},
			[]string{`scrapelog_recovery_seconds_count 0`, `scrapelog_slot_delay_seconds_count 0`},
		},
		"a clock that was set back": {
			domain.Fact{Event: domain.RunStarted{AboutRun: about, Trigger: "schedule", DueAt: noon}, Due: noon, RecordedAt: after(-5)},
			[]string{`scrapelog_slot_delay_seconds_sum 0`, `scrapelog_slot_delay_seconds_count 1`},
		},
		"a skipped slot": {
			domain.Fact{Event: domain.ScrapeSkipped{Reason: "run_open"}},
			[]string{`scrapelog_slots_skipped_total{reason="run_open"} 1`, `scrapelog_slots_skipped_total{reason="paused"} 0`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := metrics.New(known())
			m.Observe(test.fact)
			has(t, scrape(m), test.lines...)
		})
	}
}

func TestWritesAndReadsOfTheLogAreMeasured(t *testing.T) {
	m := metrics.New(known())
	m.Appended(250 * time.Millisecond)
	m.Handled("rescrape", 3*time.Second)
	has(t, scrape(m), `scrapelog_append_seconds_sum 0.25`, `scrapelog_handler_seconds_sum{consumer="rescrape"} 3`)
}

func TestPrometheusLikesTheNames(t *testing.T) {
	m := metrics.New(known())
	m.Handled("runs", time.Second)
	problems, err := promlint.New(strings.NewReader(scrape(m))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestEveryWordIsShownAtZero keeps a new cause, reason or status from appearing with its
// first event only.
func TestEveryWordIsShownAtZero(t *testing.T) {
	text := scrape(metrics.New(known()))
	for kind, series := range map[string]string{
		"Cause": `scrapelog_connection_losses_total{cause=%q,link=`, "SkipReason": `scrapelog_slots_skipped_total{reason=%q} 0`, "RunStatus": `scrapelog_runs_ended_total{status=%q} 0`,
	} {
		words := domaintest.Words(t)[kind]
		if len(words) < 4 {
			t.Fatalf("%d words of kind %s", len(words), kind)
		}
		for _, word := range words {
			if line := fmt.Sprintf(series, word); word != "running" && !strings.Contains(text, line) {
				t.Errorf("no %s", line)
			}
		}
	}
}
