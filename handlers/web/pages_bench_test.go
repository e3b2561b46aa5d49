package web_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/feed"
	"scrapelog/eventstore/instances"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/web"
	"scrapelog/handlers/web/webtest"
	"scrapelog/projections"
	"scrapelog/projections/replay"
)

var (
	benchRuns     = flag.Int("runs", 100_000, "runs of the log that pages are measured on, beside one of 1,000")
	benchScrapers = flag.Int("scrapers", 10_000, "scrapers of that log")
)

// The canned history of a benchmark: a run every ten seconds, by 19 scrapers. The
// others are as they are in a storm: lost, with a slot to come.
const running = 19

var benchStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func benchTime(run int) string {
	return benchStart.Add(time.Duration(run) * 10 * time.Second).Format("2006-01-02T15:04:05")
}

// A database fills its tables itself, as fast as it can: what the log refuses by
// its triggers is not what is measured. n counts from 1 to $1.
type filling struct {
	before         []string
	numbers        string
	runID, eventID string // of number %[1]s
}

var fillings = map[eventstore.Dialect]filling{
	eventstore.SQLite: {
		before:  []string{`DROP TRIGGER events_only_next`},
		numbers: `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)`,
		runID:   `printf('%%08x-0000-7000-8000-%%012x', %[1]s, %[1]s)`,
		eventID: `printf('%%08x-0000-7000-9000-%%012x', %[1]s, %[1]s)`,
	},
	eventstore.Postgres: {
		before:  []string{`ALTER TABLE events DISABLE TRIGGER ALL`},
		numbers: `WITH n(i) AS (SELECT generate_series(1, $1::bigint))`,
		runID:   `lpad(to_hex(%[1]s), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(%[1]s), 12, '0')`,
		eventID: `(lpad(to_hex(%[1]s), 8, '0') || '-0000-7000-9000-' || lpad(to_hex(%[1]s), 12, '0'))::uuid`,
	},
}

// A mix says whose run number i is, how it ended and what started it. The newest twenty
// are open.
type mix struct{ scraper, status, trigger string }

var (
	// Most runs are completed by schedule.
	usual = mix{
		scraper: `i % 19`,
		status:  `WHEN i % 1000 = 999 THEN 'cancelled' WHEN i % 100 < 94 THEN 'completed' WHEN i % 100 < 97 THEN 'failed' ELSE 'connection_failed'`,
		trigger: `WHEN i % 50 = 3 THEN 'recovery' WHEN i % 11 = 7 THEN 'manual'`,
	}
	// In a short history the rare are so frequent that each filter shows as many rows as
	// in a long one: an empty page is no measure for a full one.
	frequent = mix{
		scraper: `CASE WHEN i % 2 = 0 THEN 7 ELSE i % 19 END`,
		status:  `WHEN i % 8 = 0 THEN 'failed' WHEN i % 8 = 2 AND i < 480 THEN 'cancelled' WHEN i % 8 = 4 THEN 'connection_failed' ELSE 'completed'`,
		trigger: `WHEN i % 50 = 3 THEN 'recovery' WHEN i % 11 = 7 OR i % 8 = 6 THEN 'manual'`,
	}
)

const (
	fillRuns = ` INSERT INTO runs (id, scraper, status, trigger, started_at, ended_at, duration_ms, cause, link, phase, code, items, instance,
		position, started, received_events, received_bytes, http_status, tail)
	SELECT %s, 'shop-' || (%s), CASE WHEN i > $1 - 20 THEN 'running' %s END, CASE %s ELSE 'schedule' END,
		%d + i * 10000000, %d + i * 10000000 + 5000000, 5000, 'reset', 'scraper', 'streaming', 'scraper_error', 17, 'i-1', 3 * i, 3 * i - 2, 17, 4711, 0, i
	FROM n`
	fillEvents = ` INSERT INTO events (position, stream, version, id, type, data, metadata, recorded_at)
	SELECT i, 'run-' || %s, (i - 1) %% 3 + 1, %s,
		CASE (i - 1) %% 3 WHEN 0 THEN 'run.started' WHEN 1 THEN 'run.connection_lost' ELSE 'run.connection_restored' END,
		'{"run_id":"00000001-0000-7000-8000-000000000001","scraper":"shop-1","at":"2026-01-01T00:00:00Z","detail":"connection reset by peer"}',
		'{"actor":"scheduler","correlation_id":"run-1","instance":"i-1"}', %d + i * 3333333
	FROM n`
	fillScrapers = ` INSERT INTO scrapers (name, source, config, configured_at, restored, paused, removed, lost_run, cause, link, connection_since, next_due, position,
		streak_runs, streak_shortest, streak_longest, failing)
	SELECT 'shop-' || (i - 1), 'file', replace($2, '$', CAST(i - 1 AS text)), $3, $4, $4, $4,
		CASE WHEN i > 19 THEN '00000001-0000-7000-8000-000000000001' END, 'reset', 'scraper', $3 + i, $3 + i * 1000000, 1, 0, 0, 0, $4
	FROM n`
)

// fill makes a history of that many runs and scrapers.
func fill(b testing.TB, store *eventstore.Store, of mix, runs, scrapers int) {
	b.Helper()
	from, start := fillings[store.Dialect()], benchStart.UnixMicro()
	do := func(query string, args ...any) {
		err := store.InTx(b.Context(), func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, query, args...)
			return err
		})
		if err != nil {
			b.Fatalf("%.60s: %v", query, err)
		}
	}
	for _, query := range from.before {
		do(query)
	}
	do(from.numbers+fmt.Sprintf(fillRuns, fmt.Sprintf(from.runID, "i"), of.scraper, of.status, of.trigger, start, start), runs)
	do(from.numbers+fmt.Sprintf(fillEvents, fmt.Sprintf(from.runID, "((i + 2) / 3)"), fmt.Sprintf(from.eventID, "i"), start), 3*runs)
	do(`INSERT INTO run_counts (status, runs) SELECT status, count(*) FROM runs GROUP BY status`)
	config := domain.DefaultScraperConfig()
	config.Name, config.URL, config.Schedule = "shop-$", "http://127.0.0.1:9090/scrapes/shop", "@hourly"
	text, err := json.Marshal(config)
	if err != nil {
		b.Fatal(err)
	}
	do(from.numbers+fillScrapers, scrapers, string(text), start, false)
	do(`UPDATE consumer_offsets SET position = $1`, 3*runs)
}

// vacuum does what autovacuum does soon after so many rows were written.
func vacuum(b testing.TB, db eventstoretest.Database) {
	b.Helper()
	if db.Dialect != eventstore.Postgres {
		return
	}
	server, err := sql.Open("pgx", db.URL)
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	if _, err := server.ExecContext(b.Context(), `VACUUM (ANALYZE) runs, scrapers, events`); err != nil {
		b.Fatal(err)
	}
}

// pagesOf serves the pages of a history.
func pagesOf(b testing.TB, db eventstoretest.Database, of mix, runs, scrapers int) http.Handler {
	b.Helper()
	store := db.Open(b)
	if err := projections.Ensure(b.Context(), store); err != nil {
		b.Fatal(err)
	}
	fill(b, store, of, runs, scrapers)
	vacuum(b, db)
	return webtest.Echo(web.New(web.Config{
		Queries: projections.NewQueries(store), Events: store, Live: webtest.Empty(), Groups: feed.New(store).GroupStates, Instances: instances.New(store).Holdings,
		Handle:  webtest.Empty().Handle,
		WaitFor: func(context.Context, string, int64) error { return nil },
		Heard:   func(uuid.UUID) (time.Time, bool) { return time.Time{}, false },
		Away:    func() (time.Time, string) { return time.Time{}, "" },
		Refused: func() (time.Time, string) { return time.Time{}, "" },
		YAML:    func(domain.ScraperConfig) (string, error) { return "", nil },
		Waiting: func(string) (string, bool) { return "", false },
		Rebuild: func(context.Context, string, func(int64, int64)) error { return nil },
		Audit: web.Audit{
			State:  func() proof.State { return proof.State{} },
			Verify: func(context.Context, func(int64, int64)) (proof.Result, error) { return proof.Result{}, nil },
			Replay: func(context.Context, func(int64, int64)) (replay.Comparison, error) {
				return replay.Comparison{}, nil
			},
			Recent: func(ctx context.Context, limit int) ([]proof.Sealed, error) { return proof.Recent(ctx, store, limit) },
			Prove:  func(context.Context, int64) (proof.Proof, error) { return proof.Proof{}, domain.ErrNotFound },
		},
		Findings: store, Logger: slog.New(slog.DiscardHandler),
	}))
}

// measured lists the pages of a history of that many runs.
func measured(runs int) map[string]string {
	middle, narrow := "until="+benchTime(runs/2), "since="+benchTime(runs/2)+"&until="+benchTime(runs/2+60)
	list := map[string]string{
		"overview": "/", "scrapers": "/scrapers", "scrapers_from": "/scrapers?from=shop-1", "scraper": "/scrapers/shop-7", "events": "/events",
		"events_by_type": "/events?type=run.started", "event": fmt.Sprintf("/events/%d", runs),
		"run": fmt.Sprintf("/runs/%08x-0000-7000-8000-%012x", runs/2, runs/2), "projections": "/projections", "audit": "/audit",
	}
	for _, filter := range []string{
		"", "status=running", "status=completed", "status=failed", "status=connection_failed", "status=cancelled", "scraper=shop-7", "scraper=nobody",
		"scraper=shop-7&status=failed", "scraper=shop-7&status=cancelled&trigger=recovery", "trigger=manual", "trigger=recovery&status=failed", "scraper=shop-7&trigger=manual",
		middle, narrow, "status=failed&" + middle, "scraper=shop-7&" + middle, "scraper=shop-7&status=failed&trigger=schedule&" + middle, "status=cancelled&" + narrow,
	} {
		name := strings.NewReplacer("&", "+", narrow, "minutes", middle, "until_middle", "=", "_").Replace(filter)
		list["runs?"+name] = "/runs?" + filter
	}
	return list
}

// BenchmarkPages compares pages of a long history with those of a short one,
// asked in turn: the 99th of 100 of each, and how many times longer the long
// one's takes. A page that shows fewer rows in the short one is no measure. A long one:
// -runs 1000000 -benchtime 300x.
func BenchmarkPages(b *testing.B) {
	const short = 1000
	for dialect, database := range map[eventstore.Dialect]func(testing.TB) eventstoretest.Database{eventstore.SQLite: eventstoretest.SQLite, eventstore.Postgres: eventstoretest.Postgres} {
		b.Run(string(dialect), func(b *testing.B) {
			small, large := pagesOf(b, database(b), frequent, short, running), pagesOf(b, database(b), usual, *benchRuns, *benchScrapers)
			few, many := measured(short), measured(*benchRuns)
			for _, name := range slices.Sorted(maps.Keys(many)) {
				b.Run(name, func(b *testing.B) {
					var tookFew, tookMany []time.Duration
					for b.Loop() {
						tookFew = append(tookFew, taken(b, small, few[name]))
						tookMany = append(tookMany, taken(b, large, many[name]))
					}
					for unit, part := range map[string]int{"p50": 50, "p99": 99} {
						shorter, longer := nth(tookFew, part), nth(tookMany, part)
						b.ReportMetric(float64(longer.Microseconds())/1000, unit+"-ms")
						b.ReportMetric(float64(longer)/float64(shorter), unit+"-ratio")
					}
					fewer, more := rowsOf(small, few[name]), rowsOf(large, many[name])
					b.ReportMetric(float64(more), "rows")
					if fewer < more && strings.HasPrefix(name, "runs?") {
						b.Errorf("the short history shows %d rows, the long one %d", fewer, more)
					}
				})
			}
		})
	}
}

// TestThePagesOfAHistory: the benchmark fills the tables by itself, and must follow them.
func TestThePagesOfAHistory(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		const runs = 100
		from := pagesOf(t, db, usual, runs, running)
		for name, path := range measured(runs) {
			if taken(t, from, path); name == "runs?status_completed" && rowsOf(from, path) < 2 {
				t.Errorf("%s shows no run", path)
			}
		}
	})
}

// taken is how long a page takes.
func taken(b testing.TB, from http.Handler, path string) time.Duration {
	b.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil)
	began := time.Now()
	from.ServeHTTP(w, r)
	took := time.Since(began)
	if w.Code != http.StatusOK {
		b.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return took
}

// rowsOf is how many rows a page shows.
func rowsOf(from http.Handler, path string) int {
	w := httptest.NewRecorder()
	from.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil))
	return strings.Count(w.Body.String(), `<tr><th scope="row"`)
}

// nth is the one that so many in a hundred do not exceed.
func nth(took []time.Duration, part int) time.Duration {
	slices.Sort(took)
	return took[(len(took)*part+99)/100-1]
}
