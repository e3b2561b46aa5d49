package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/cmd/scrapelog/config"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/feed"
	"scrapelog/handlers/command"
)

// TestLogOfAnotherVersion reads, projects, verifies, replays and goes on with a
// log that an older and a newer program have written.
func TestLogOfAnotherVersion(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		store := olderLog(t, db)
		exits(t, 0, `"intact"`, "events", "verify", "-o", "json")
		exits(t, 0, "guards    3, as the log has them", "db", "status")
		olderIsListed(t)

		serve := serveOlder(t)
		serve.caughtUp(store)
		serve.isShown()
		exits(t, 0, "equal                yes", "audit", "replay")
		serve.goesOn(store)
		exits(t, 0, "equal                yes", "audit", "replay")
		exits(t, 0, "guards    3, as the log has them", "db", "status")
		later := olderModels(t, store)
		if code := serve.stop(); code != 0 {
			t.Fatalf("serve: exit %d", code)
		}

		for _, name := range []string{"runs", "scrapers", "outages", "lanes"} {
			exits(t, 0, name, "projections", "rebuild", name)
		}
		if rebuilt := olderModels(t, store); rebuilt != later {
			t.Errorf("rebuilt:\n%s\nlive:\n%s", rebuilt, later)
		}
		exits(t, 0, "proven up to  ", "events", "verify")
		assertKept(t, store)
	})
}

// olderIsListed: what is unknown is printed as it is, and retired names are names.
func olderIsListed(t *testing.T) {
	t.Helper()
	for args, want := range map[string]string{
		"list":                                 "1 2 3 4 5 6 7 8 9 10 11 12 13 14",
		"tail -n 3":                            "12 13 14",
		"list --type scraper.mood":             "4 11",
		"list --type run.dropped*":             "6 14",
		"list --scraper attic":                 "11",
		"list --run " + olderLost:              "3 5 6 7",
		"show 13":                              "13",
		"list --until 2025-03-23T12:05:00Z":    "1 2 3",
		"list --since @4 --type !run.*":        "4 11",
		"list --stream scraper-shop --limit 1": "1",
	} {
		stdout, _ := exits(t, 0, "", append(strings.Fields("events "+args), "-o", "ndjson", "--jq", ".position")...)
		if got := strings.Join(strings.Fields(stdout), " "); got != want {
			t.Errorf("events %s: %q, want %q", args, got, want)
		}
	}
	exits(t, 0, `"because":[1.0,1e3,{}]`, "events", "show", "4")
	exits(t, 0, "shop scraper reset streaming – connection reset by peer", "events", "list", "--no-headers")
	exits(t, 0, "", "audit", "diff", "2", "14")
	exits(t, 0, "position     10", "audit", "replay", "--until", "@10", "--save", t.TempDir()+"/saved")
}

// olderModels is every row of the read models, in order.
func olderModels(t *testing.T, store *eventstore.Store) string {
	t.Helper()
	var text strings.Builder
	for _, table := range []string{"runs", "run_counts", "scrapers", "outages", "outage_origins", "outage_scrapers", "outage_losses", "lane_slots"} {
		rows, err := store.Reader().QueryContext(t.Context(), "SELECT * FROM "+table+" ORDER BY 1")
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			values, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				t.Fatal(err)
			}
			for i, value := range values {
				if raw, is := value.([]byte); is {
					value = string(raw)
				}
				fmt.Fprintf(&text, "%s.%s=%v ", table, columns[i], value)
			}
			text.WriteByte('\n')
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}

// olderServer is a server on that log.
type olderServer struct {
	*testing.T
	base string
	stop func() int
}

func serveOlder(t *testing.T) olderServer {
	t.Helper()
	config, err := config.Load(os.Getenv("SCRAPELOG_CONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	return olderServer{t, "http://" + config.Listen, serveHere(t, config.Listen)}
}

func (s olderServer) get(path, contains string) {
	s.Helper()
	res, err := http.Get(s.base + path)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(body), contains) {
		s.Errorf("GET %s: %d, %v, without %q:\n%s", path, res.StatusCode, err, contains, body)
	}
}

// isShown asks API and pages.
func (s olderServer) isShown() {
	s.Helper()
	s.get("/api/v1/events?limit=500", `"mood":"gloomy"`)
	s.get("/api/v1/events/5", `"share":0.250`)
	s.get("/api/v1/events/2", `"weight":0.50`)
	s.get("/api/v1/runs/"+olderLost, `"cause":"reset"`)
	s.get("/api/v1/runs/"+olderLost, `"recovered_by":"`+olderNext+`"`)
	s.get("/api/v1/runs/"+olderNext, `"items":7`)
	s.get("/api/v1/runs/"+olderWaiting, `"status":"connection_failed"`)
	s.get("/api/v1/scrapers/garden", `"name":"garden"`)
	for _, path := range []string{"/", "/runs", "/scrapers", "/scrapers/shop", "/scrapers/garden", "/events/4", "/events/13", "/streams/run-" + olderLost, "/projections", "/audit"} {
		s.get(path, "")
	}
	s.get("/events", "scraper.mood")
	s.get("/runs/"+olderLost, "run.progressed")
	s.get("/runs/"+olderLost+"?at=5", "Running")
	s.get("/runs/"+olderLost+"?at=6", "Connection failed")
	s.get("/runs/"+olderNext+"?at=9", "run.annotated")
}

// goesOn restores the connection that is lost still: the saga answers on streams
// that hold what this program does not know.
func (s olderServer) goesOn(store *eventstore.Store) {
	s.Helper()
	commands := &command.Handler{
		Log: store, Now: time.Now, Logger: slog.New(slog.DiscardHandler), Instance: func() string { return "test" },
		Follower: func(context.Context) (string, error) { return "test", nil },
	}
	restored := domain.ReportConnectionRestored{ToRun: domain.ToRun{RunID: uuid.MustParse(olderWaiting)}, NoticedBy: domain.NoticedByProbe}
	if _, err := commands.Handle(s.Context(), restored, domain.Origin{Actor: "test"}); err != nil {
		s.Fatal(err)
	}
	var recovery struct {
		Status      string
		RecoveredBy string `json:"recovered_by"`
	}
	s.await(olderWaiting, &recovery, func() bool { return recovery.RecoveredBy != "" })
	next := recovery.RecoveredBy
	s.await(next, &recovery, func() bool { return recovery.Status == "connection_failed" }) // nobody listens there
	s.caughtUp(store)
}

// caughtUp waits until every read model and the saga have seen the whole log.
func (s olderServer) caughtUp(store *eventstore.Store) {
	s.Helper()
	head, err := store.Head(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(s.Context(), 30*time.Second)
	defer cancel()
	for _, group := range []string{"runs", "scrapers", "outages", "lanes", "rescrape"} {
		if err := feed.New(store).WaitFor(ctx, group, head); err != nil {
			s.Fatalf("%s: %v", group, err)
		}
	}
}

func (s olderServer) await(run string, into any, holds func() bool) {
	s.Helper()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-poll.C {
		res, err := http.Get(s.base + "/api/v1/runs/" + run)
		if err != nil {
			s.Fatal(err)
		}
		err = json.NewDecoder(res.Body).Decode(into)
		_ = res.Body.Close()
		if err == nil && holds() {
			return
		}
	}
	s.Fatalf("run %s does not come to what is expected: %+v", run, into)
}
