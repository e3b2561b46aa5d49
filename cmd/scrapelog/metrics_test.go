package main_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// series are the metrics of a page of text, `name{label,label}` as the API document
// names them.
var series = regexp.MustCompile("`(scrapelog_[a-z_]+)(?:\\{([a-z_,]+)\\})?`")

// counted is the scrape of a server, and the scraper that it follows.
type counted struct {
	api
	*holder
	args []string
}

// countedServer starts a server with one scraper by hand, and one by schedule whose
// run stays open, so that its slots are skipped.
func countedServer(t *testing.T, db eventstoretest.Database) (counted, *process) {
	t.Helper()
	scraper, addr := newHolder(t), gatetest.FreeAddress(t)
	config := scraper.config("shop") + fmt.Sprintf("  - {name: often, url: %q, idle_timeout: 10m, schedule: every 1s, expect: {success_within: 1s}}\n", scraper.URL+"/often") +
		"notify: {to: [{name: ops, webhook_env: SCRAPELOG_TEST_WEBHOOK, on: [overdue]}]}\n"
	setenv(t, "SCRAPELOG_TEST_WEBHOOK", "http://127.0.0.1:1/refused")
	c := counted{api{t, "http://" + addr}, scraper, []string{"serve", "--config", write(t, t.TempDir()+"/scrapelog.yaml", config), "--listen", addr, "--db", db.URL}}
	p := start(t, c.args...)
	c.ready()
	return c, p
}

// await waits until a series has a value.
func (c counted) await(what string, name string, value float64) {
	c.t.Helper()
	await(c.t, 30*time.Second, what, func() bool { return c.metric(name) == value })
}

// TestTheMetricsTellTheStory loses a run, recovers it and completes it, and holds every
// figure of it, and again after a restart.
func TestTheMetricsTellTheStory(t *testing.T) {
	t.Parallel()
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		c, server := countedServer(t, db)
		c.await("a slot has started", "scrapelog_slot_delay_seconds_count", 1)
		c.await("the next slots were skipped", `scrapelog_slots_skipped_total{reason="run_open"}`, 1)
		lost := c.startRun("shop")
		c.await("both streams are open", `scrapelog_open_streams{kind="scraper"}`, 2)
		c.await("both runs are seen", `scrapelog_runs_open`, 2)
		c.await("the scraper is up", `scrapelog_scraper_up{scraper="shop"}`, 1)
		c.await("the scheduled one is overdue", `scrapelog_scraper_overdue{scraper="often"}`, 1)
		c.cut(t, lost.ID)
		c.await("the loss is counted", `scrapelog_runs_ended_total{status="connection_failed"}`, 1)
		c.await("the recovery has started", "scrapelog_recovery_seconds_count", 1)
		for name, want := range map[string]float64{
			`scrapelog_connection_losses_total{cause="truncated",link="scraper"}`: 1,
			"scrapelog_loss_detection_seconds_count":                              1,
			"scrapelog_run_duration_seconds_count":                                1,
			"scrapelog_log_damaged":                                               0,
			"scrapelog_instances":                                                 1,
			"scrapelog_ends_waiting":                                              0,
			`scrapelog_scraper_failing{scraper="shop"}`:                           0,
			`scrapelog_notices_total{channel="ops",result="sent"}`:                0,
		} {
			if got := c.metric(name); got != want {
				t.Errorf("%s is %v, want %v", name, got, want)
			}
		}
		c.await("the outage is over", "scrapelog_outages_open", 0)
		var recovery []run
		await(t, 30*time.Second, "the recovery run is followed", func() bool {
			recovery = c.runs("scraper=shop&trigger=recovery")
			return len(recovery) == 1 && c.follows(recovery[0].ID)
		})
		c.end(t, recovery[0].ID)
		c.await("the end is counted", `scrapelog_runs_ended_total{status="completed"}`, 1)
		c.await("the end is seen", `scrapelog_runs{status="completed"}`, 1)
		c.sealed()
		success := c.metric(`scrapelog_scraper_last_success_timestamp_seconds{scraper="shop"}`)
		if ago := time.Since(time.UnixMilli(int64(success * 1e3))); ago < 0 || ago > time.Minute {
			t.Errorf("the last success was %s ago", ago)
		}
		await(t, 30*time.Second, "the webhook has refused", func() bool {
			return c.metric(`scrapelog_notices_total{channel="ops",result="failed"}`) > 0
		})
		for _, name := range []string{"scrapelog_append_seconds_count", `scrapelog_handler_seconds_count{consumer="rescrape"}`, `scrapelog_handler_seconds_count{consumer="runs"}`} {
			if c.metric(name) == 0 {
				t.Errorf("%s is 0", name)
			}
		}
		c.documented()
		if code := server.stop(t); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		start(t, c.args...)
		c.ready()
		for _, same := range []struct {
			name  string
			value float64
		}{{`scrapelog_runs{status="completed"}`, 1}, {`scrapelog_scraper_overdue{scraper="often"}`, 1}, {`scrapelog_scraper_last_success_timestamp_seconds{scraper="shop"}`, success}} {
			c.await("the same as before: "+same.name, same.name, same.value)
		}
		c.sealed()
		if ended := c.metric(`scrapelog_runs_ended_total{status="completed"}`); ended != 0 {
			t.Errorf("a counter of this process begins at %v", ended)
		}
	})
}

// sealed waits until the whole log is signed, just now.
func (c counted) sealed() {
	c.t.Helper()
	head, before := c.metric("scrapelog_log_head_position"), time.Now()
	await(c.t, 30*time.Second, "the log is sealed", func() bool {
		at := time.UnixMilli(int64(c.metric("scrapelog_log_sealed_timestamp_seconds") * 1e3))
		return c.metric("scrapelog_log_sealed_position") >= head && at.After(before)
	})
}

// documented holds the API document and a scrape together, and the scrape against
// Prometheus's rules for names.
func (c counted) documented() {
	c.t.Helper()
	named, text := series.FindAllStringSubmatch(c.text("/openapi.yaml"), -1), c.text("/metrics")
	var names []string
	for _, name := range named {
		names = append(names, name[1])
		want := `(?m)^` + name[1] + `(_count)?[ {]`
		if name[2] != "" {
			labels := strings.Split(name[2], ",")
			slices.Sort(labels) // as they are served
			want = `(?m)^` + name[1] + `(_bucket)?\{` + strings.Join(labels, `="[^"]*",`) + `="`
		}
		if !regexp.MustCompile(want).MatchString(text) {
			c.t.Errorf("no %s in\n%s", name[0], text)
		}
	}
	for _, served := range regexp.MustCompile(`(?m)^# TYPE (scrapelog_\S+)`).FindAllStringSubmatch(text, -1) {
		if !slices.Contains(names, served[1]) {
			c.t.Errorf("%s is served, and the API document does not name it", served[1])
		}
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		c.t.Fatal(err)
	}
	for _, p := range problems {
		c.t.Errorf("%s: %s", p.Metric, p.Text)
	}
}
