package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/instances"
)

var (
	firstRun  = uuid.MustParse("0198c2f4-0000-7000-8000-000000000001")
	secondRun = uuid.MustParse("0198c2f4-0000-7000-8000-000000000002")
)

// openStore is a migrated log, closed when the test ends.
func openStore(t *testing.T, url string) *eventstore.Store {
	t.Helper()
	store, err := eventstore.Open(t.Context(), eventstore.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

// record appends events to their streams, one after the other.
func record(t *testing.T, store *eventstore.Store, events ...domain.Event) {
	t.Helper()
	for _, e := range events {
		before, err := store.ReadStream(t.Context(), e.Stream(), 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = store.Append(t.Context(), eventstore.Append{
			Stream: e.Stream(), Expected: int64(len(before)),
			Events: []eventstore.NewEvent{{Event: e, Metadata: eventstore.Metadata{"actor": "test"}}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// story is a lost run and its recovery: positions 1 to 6.
func story() []domain.Event {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	config := domain.DefaultScraperConfig()
	config.Name, config.URL = "shop", "http://127.0.0.1:9090/scrapes/shop"
	first := domain.AboutRun{RunID: firstRun, Scraper: "shop", At: at}
	second := domain.AboutRun{RunID: secondRun, Scraper: "shop", At: at.Add(time.Minute)}
	return []domain.Event{
		domain.ScraperConfigured{AboutScraper: domain.AboutScraper{Scraper: "shop", At: at}, Source: domain.SourceFile, Config: config},
		domain.RunStarted{AboutRun: first, Trigger: domain.TriggerManual, Instance: "i"},
		domain.ConnectionLost{AboutRun: first, Link: domain.LinkScraper, Phase: domain.PhaseStreaming, Cause: domain.CauseReset, Detail: "by \x1b[31mpeer"},
		domain.ConnectionRestored{AboutRun: first, Link: domain.LinkScraper, DownForMS: 1500, NoticedBy: domain.NoticedByProbe},
		domain.RunStarted{AboutRun: second, Trigger: domain.TriggerRecovery, Recovers: firstRun, Instance: "i"},
		domain.RunCompleted{AboutRun: second, Items: 7, DurationMS: 900},
	}
}

func TestEventsCommands(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		record(t, openStore(t, db.URL), story()...)
		for args, want := range map[string]string{
			"list":                              "1 2 3 4 5 6",
			"list --limit 2":                    "1 2",
			"list --since @3":                   "3 4 5 6",
			"list --until @3":                   "1 2 3",
			"list --since @2 --until @4":        "2 3 4",
			"list --since -1h":                  "1 2 3 4 5 6",
			"list --since yesterday":            "1 2 3 4 5 6",
			"list --until -1h":                  "",
			"list --since 2100-01-01T00:00:00Z": "",
			"list --until 2100-01-01T00:00:00Z": "1 2 3 4 5 6",
			"list --type run.started":           "2 5",
			"list --type run.* --type !*ed":     "3",
			"list --type !run.*":                "1",
			"list --stream scraper-shop":        "1",
			"list --run " + secondRun.String():  "5 6",
			"list --scraper shop":               "1 2 3 4 5 6",
			"list --scraper other":              "",
			"tail":                              "1 2 3 4 5 6",
			"tail -n 2":                         "5 6",
			"tail -n 0":                         "",
			"tail -n 1 --type run.started":      "5",
			"tail -n 2 --until @4":              "3 4",
			"show 3":                            "3",
		} {
			stdout, stderr, code := invoke(t, append(strings.Fields("events "+args), "--db", db.URL, "-o", "ndjson", "--jq", ".position")...)
			if got := strings.Join(strings.Fields(stdout), " "); got != want || code != 0 {
				t.Errorf("events %s: %q, want %q; exit %d, %s", args, got, want, code, stderr)
			}
		}
	})
}

func TestEventsAsText(t *testing.T) {
	db := eventstoretest.SQLite(t)
	record(t, openStore(t, db.URL), story()...)
	stdout, _, _ := invoke(t, "events", "list", "--db", db.URL, "--no-headers")
	for i, want := range []string{
		"shop by file", "shop manual", `shop scraper reset streaming – by \u001b[31mpeer`, "shop scraper after 1.5s by probe",
		"shop recovery recovers " + firstRun.String(), "shop items 7 in 900ms",
	} {
		if line := strings.Split(stdout, "\n")[i]; !strings.HasSuffix(line, "  "+want) {
			t.Errorf("%q does not end in %q", line, want)
		}
	}
	stdout, _, _ = invoke(t, "events", "show", "3", "--db", db.URL)
	if !strings.Contains(stdout, "type         run.connection_lost\n") || strings.ContainsRune(stdout, '\x1b') {
		t.Error(stdout)
	}
}

func TestTailFollows(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		store, events := openStore(t, db.URL), story()
		record(t, store, events[:2]...)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		out := &lines{got: make(chan string, 16)}
		code := make(chan int)
		go func() {
			args := []string{"events", "tail", "-f", "-n", "1", "-o", "ndjson", "--jq", ".position", "--db", db.URL}
			code <- run(ctx, args, strings.NewReader(""), out, out)
		}()
		out.expect(t, "2")
		record(t, store, events[2:4]...)
		out.expect(t, "3")
		out.expect(t, "4")
		cancel()
		if got := <-code; got != 130 {
			t.Errorf("exit %d", got)
		}
	})
}

// lines hands over what is written, write by write.
type lines struct{ got chan string }

func (l *lines) Write(p []byte) (int, error) {
	l.got <- strings.TrimSpace(string(p))
	return len(p), nil
}

func (l *lines) expect(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-l.got:
		if got != want {
			t.Fatalf("%q, want %q", got, want)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("no %q", want)
	}
}

func TestDBCommands(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		if _, stderr, code := invoke(t, "db", "migrate", "--db", db.URL); code != 0 {
			t.Fatal(stderr)
		}
		store := openStore(t, db.URL)
		record(t, store, story()...)
		var status struct {
			Dialect eventstore.Dialect `json:"dialect"`
			Schema  int64              `json:"schema"`
			Latest  int64              `json:"schema_latest"`
			Head    int64              `json:"head"`
			Guards  int                `json:"guards"`
		}
		stdout, stderr, code := invoke(t, "db", "status", "--db", db.URL, "-o", "json")
		if err := json.Unmarshal([]byte(stdout), &status); err != nil || code != 0 {
			t.Fatal(err, code, stderr)
		}
		if status.Dialect != db.Dialect || status.Head != 6 || status.Schema != status.Latest || status.Guards != 1 {
			t.Errorf("%+v", status)
		}
		tamper(t, store, `UPDATE scraper_guard SET paused = NOT paused`)
		_, stderr, code = invoke(t, "db", "status", "--db", db.URL)
		if code != 1 || !strings.Contains(stderr, "1 of 1 guards do not agree with the log") {
			t.Errorf("exit %d, %s", code, stderr)
		}
	})
}

func tamper(t *testing.T, store *eventstore.Store, statement string) {
	t.Helper()
	err := store.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestProjectionsCommands(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		store := openStore(t, db.URL)
		record(t, store, story()...)
		for _, name := range []string{"runs", "scrapers", "outages", "lanes"} {
			stdout, stderr, code := invoke(t, "projections", "rebuild", name, "--db", db.URL, "--jq", ".position")
			if stdout != "6\n" || code != 0 {
				t.Errorf("%s: %q, exit %d, %s", name, stdout, code, stderr)
			}
		}
		stdout, _, _ := invoke(t, "projections", "list", "--db", db.URL, "-o", "ndjson")
		want := `{"name":"runs","position":6,"lag":0}` + "\n" + `{"name":"scrapers","position":6,"lag":0}` + "\n" +
			`{"name":"outages","position":6,"lag":0}` + "\n" + `{"name":"lanes","position":6,"lag":0}` + "\n"
		if stdout != want {
			t.Errorf("got %s", stdout)
		}
		if _, stderr, code := invoke(t, "projections", "rebuild", "nope", "--db", db.URL); code != 3 {
			t.Errorf("exit %d, %s", code, stderr)
		}
	})
}

// TestWritersKeepOut: what writes refuses beside a server, and says what to do;
// what reads does not.
func TestWritersKeepOut(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		serving, err := instances.New(openStore(t, db.URL)).Acquire(t.Context(), "server")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = serving.Release(context.Background()) }()
		for args, instead := range map[string]string{
			"projections rebuild runs": "/projections", "db migrate": "restart it", "audit checkpoint": "seals by itself",
		} {
			_, stderr, code := invoke(t, append(strings.Fields(args), "--db", db.URL)...)
			if code != 6 || !strings.Contains(stderr, instead) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("%s: exit %d, %s", args, code, stderr)
			}
		}
		for _, args := range []string{"projections list", "db status", "events list"} {
			if _, stderr, code := invoke(t, append(strings.Fields(args), "--db", db.URL)...); code != 0 {
				t.Errorf("%s: exit %d, %s", args, code, stderr)
			}
		}
	})
}

func TestDatabasesThatWillNotDo(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("this is no database ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		url  string
		code int
		want string
	}{
		"a missing file":   {"sqlite:" + filepath.Join(dir, "missing.db"), 4, "no such file"},
		"no SQLite file":   {"sqlite:" + garbage, 6, "is not a SQLite file"},
		"an empty file":    {"sqlite:" + empty, 4, `run "scrapelog db migrate"`},
		"a folder":         {"sqlite:" + dir, 4, "is not a file"},
		"nobody listening": {fmt.Sprintf("postgres://u:secret@127.0.0.1:%d/x", 1), 4, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := invoke(t, "events", "list", "--db", test.url)
			if code != test.code || stdout != "" || !strings.Contains(stderr, test.want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
			}
			if strings.Contains(stderr, "secret") {
				t.Errorf("the password is in %q", stderr)
			}
		})
	}
}

// TestDatabaseComesFrom: flag before environment before file before default.
func TestDatabaseComesFrom(t *testing.T) {
	write(t, "database: sqlite:file.db\n")
	show := func(args ...string) string {
		stdout, stderr, _ := invoke(t, append([]string{"config", "show", "--jq", ".database"}, args...)...)
		return strings.TrimSpace(stdout + stderr)
	}
	expect := func(want string, args ...string) {
		t.Helper()
		if got := show(args...); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	expect("sqlite:file.db")
	t.Setenv("SCRAPELOG_DB", "sqlite:environment.db")
	expect("sqlite:environment.db")
	expect("sqlite:flag.db", "--db", "sqlite:flag.db")
	t.Setenv("SCRAPELOG_DB", "")
	if err := os.Remove("scrapelog.yaml"); err != nil {
		t.Fatal(err)
	}
	expect("sqlite:scrapelog.db")
	t.Setenv("SCRAPELOG_OUTPUT", "yaml")
	if _, stderr, code := invoke(t, "config", "show"); code != 2 || !strings.Contains(stderr, `"yaml" is not a format`) {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

func TestADatabaseThatIsNotThere(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, stderr, code := invoke(t, "events", "list"); code != 4 || !strings.Contains(stderr, "name the one that serve uses with --db") {
		t.Errorf("exit %d, %s", code, stderr)
	}
	if err := errors.Join(os.Mkdir("scrapelog-data", 0o700), os.WriteFile("scrapelog-data/scrapelog.db", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := invoke(t, "events", "list"); code != 4 || !strings.Contains(stderr, "for the demo's, use --db sqlite:scrapelog-data/scrapelog.db") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}
