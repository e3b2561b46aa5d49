package main

import (
	"database/sql"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/projections"
	"scrapelog/projections/replay"
)

// replayed is a log of a lost run and its recovery, with its read models.
func replayed(t *testing.T, db eventstoretest.Database) *eventstore.Store {
	t.Helper()
	store := openStore(t, db.URL)
	record(t, store, story()...)
	if err := projections.Ensure(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	return store
}

func TestAuditReplay(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		store := replayed(t, db)
		stdout, stderr, code := invoke(t, "audit", "replay", "--db", db.URL)
		for _, want := range []string{
			"position             6\n", "runs                 1 completed, 1 connection_failed\n", "scrapers             1\n",
			"against              live\n", "projection runs      5 rows at position 6\n", "projection scrapers  1 rows at position 6\n", "equal                yes\n",
		} {
			if !strings.Contains(stdout, want) {
				t.Errorf("no %q in\n%s", want, stdout)
			}
		}
		if stderr != "replay: 6 of 6\n" || code != 0 {
			t.Errorf("exit %d, %q", code, stderr)
		}

		tamper(t, store, "UPDATE runs SET status = 'running', detail = 'x\u202e' WHERE id = '"+firstRun.String()+"'")
		stdout, stderr, code = invoke(t, "audit", "replay", "--db", db.URL)
		for _, want := range []string{
			"AFTER  TABLE  ROW                                   COLUMN  IS       BY THE LOG\n",
			"3      runs   " + firstRun.String() + "  status  running  connection_failed\n",
			"3      runs   " + firstRun.String() + `  detail  x\u202e  by \u001b[31mpeer` + "\n",
			"first                3 run.connection_lost run-" + firstRun.String() + ", recorded at ", "equal                no\n",
		} {
			if !strings.Contains(stdout, want) {
				t.Errorf("no %q in\n%s", want, stdout)
			}
		}
		if want := "scrapelog: rows that are not what the log makes of them: 1, the first after position 3 (run.connection_lost)\n"; code != 1 || !strings.HasSuffix(stderr, want) {
			t.Errorf("exit %d, %q", code, stderr)
		}

		// Before the event that the row does not show, and from it on.
		for until, want := range map[string]int{"2": 0, "@3": 0, "5": 1, "6": 1, "7": 1, "2100-01-01T00:00:00Z": 1} {
			if _, stderr, code := invoke(t, "audit", "replay", "--until", until, "--db", db.URL); code != want {
				t.Errorf("until %s: exit %d, %s", until, code, stderr)
			}
		}
		for name, want := range map[string]int{"runs": 1, "scrapers": 0, "walks": 3} {
			if _, stderr, code := invoke(t, "projections", "check", name, "--db", db.URL); code != want {
				t.Errorf("check %s: exit %d, %s", name, code, stderr)
			}
		}
	})
}

func TestAuditReplayAsJSON(t *testing.T) {
	db := eventstoretest.SQLite(t)
	tamper(t, replayed(t, db), "DELETE FROM runs WHERE id = '"+secondRun.String()+"'")
	stdout, _, code := invoke(t, "audit", "replay", "--db", db.URL, "-o", "json")
	var got struct {
		Against string `json:"against"`
		replay.Comparison
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 1 {
		t.Fatal(err, code, stdout)
	}
	if got.Against != "live" || got.Equal || got.Position != 6 || got.Differing != 1 || got.First.Position != 5 || got.First.Type != "run.started" {
		t.Errorf("%+v", got)
	}
	want := replay.Difference{Table: "runs", Key: secondRun.String(), Kind: replay.RowMissing, After: 5}
	if d := got.Differences; len(d) != 1 || d[0].Key != want.Key || d[0].Kind != want.Kind || d[0].After != want.After {
		t.Errorf("%+v", d)
	}
}

func TestAuditReplayAgainstAFile(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		store, path := replayed(t, db), filepath.Join(t.TempDir(), "models")
		stdout, stderr, code := invoke(t, "audit", "replay", "--until", "4", "--save", path, "--db", db.URL, "--jq", ".position")
		if stdout != "4\n" || code != 0 {
			t.Fatalf("%q, exit %d, %s", stdout, code, stderr)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
		against := func(path string) int {
			t.Helper()
			_, _, code := invoke(t, "audit", "replay", "--against", path, "--db", db.URL)
			return code
		}
		tamper(t, store, "DELETE FROM runs") // which is not what is looked at
		if code := against(path); code != 0 {
			t.Errorf("exit %d", code)
		}
		saved, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(saved), "connection_failed", "completed", 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if code := against(path); code != 1 {
			t.Errorf("a tampered file: exit %d", code)
		}
		if _, stderr, code := invoke(t, "audit", "replay", "--save", path, "--db", db.URL); code == 0 || !strings.Contains(stderr, "exists") {
			t.Errorf("saved over a file: exit %d, %s", code, stderr)
		}
		if code := against(path + ".missing"); code != 4 {
			t.Errorf("a missing file: exit %d", code)
		}
		write(t, "no file of read models")
		if code := against("scrapelog.yaml"); code != 6 {
			t.Errorf("another file: exit %d", code)
		}
	})
}

func TestAuditReplayAgainstABackup(t *testing.T) {
	db, backup := eventstoretest.SQLite(t), filepath.Join(t.TempDir(), "backup.db")
	store := replayed(t, db)
	file, err := sql.Open("sqlite", strings.TrimPrefix(db.URL, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.ExecContext(t.Context(), "VACUUM INTO '"+backup+"'"); err != nil {
		t.Fatal(err)
	}
	tamper(t, store, "DELETE FROM runs")
	for against, want := range map[string]int{backup: 0, "live": 1} {
		if _, stderr, code := invoke(t, "audit", "replay", "--against", against, "--db", db.URL); code != want {
			t.Errorf("against %s: exit %d, %s", against, code, stderr)
		}
	}
}

func TestAuditReplayRefuses(t *testing.T) {
	db := eventstoretest.SQLite(t)
	store := openStore(t, db.URL)
	record(t, store, story()...)
	for args, want := range map[string]struct {
		code int
		text string
	}{
		"audit replay":                              {6, "a server builds it when it starts"},
		"projections check runs":                    {6, "a server builds it when it starts"},
		"audit replay --until soon":                 {2, `--until: "soon" is not a point in the log`},
		"audit replay --until 1999-01-01T00:00:00Z": {3, "nothing was recorded before"},
		"audit replay --save a --against b":         {2, "--against and --save exclude each other"},
		"audit diff 3":                              {2, "B is missing"},
		"audit diff 3 2":                            {2, "name the earlier one first"},
		"audit diff 3 soon":                         {2, `B: "soon" is not a point in the log`},
	} {
		stdout, stderr, code := invoke(t, append(strings.Fields(args), "--db", db.URL)...)
		if code != want.code || stdout != "" || !strings.Contains(stderr, want.text) {
			t.Errorf("%s: exit %d, %q, %s", args, code, stdout, stderr)
		}
	}
}

var writeGolden = flag.Bool("golden", false, "write the golden files again")

// recordedAt and outageID are what differs in a diff from test to test.
var (
	recordedAt = regexp.MustCompile(`(?m)^(log +recorded_at).*$`)
	outageID   = regexp.MustCompile(`(?m)^outage( +)[-0-9a-f]{36}`)
)

func TestAuditDiff(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		store := openStore(t, db.URL)
		record(t, store, append(story(), domain.ScraperPaused{AboutScraper: domain.AboutScraper{Scraper: "shop", At: story()[0].OccurredAt()}, By: "user:ann", Reason: "sale"})...)
		for _, span := range []string{"0 2", "2 5", "@5 7", "0 2100-01-01T00:00:00Z"} {
			args := strings.Fields(span)
			stdout, stderr, code := invoke(t, "audit", "diff", args[0], args[1], "--db", db.URL)
			if code != 0 {
				t.Fatalf("%s: exit %d, %s", span, code, stderr)
			}
			name := strings.NewReplacer(" ", "-", "@", "", ":", "", "T000000Z", "").Replace(span)
			golden(t, "audit-diff-"+name, outageID.ReplaceAllString(recordedAt.ReplaceAllString(stdout, "$1"), "outage${1}(the event id of the first loss)    "))
		}
		stdout, _, _ := invoke(t, "audit", "diff", "2", "3", "--db", db.URL, "--jq", ".runs[0] | .before.status, .after.status, .after.cause")
		if want := "running\nconnection_failed\nreset\n"; stdout != want {
			t.Errorf("got %q, want %q", stdout, want)
		}
		stdout, _, _ = invoke(t, "audit", "diff", "0", "7", "--db", db.URL, "-o", "ndjson", "--jq", ".from.position, .to.counts.completed, .events[\"run.started\"], (.runs|length), .scrapers[0].after.paused")
		if want := "0\n1\n2\n2\ntrue\n"; stdout != want {
			t.Errorf("got %q, want %q", stdout, want)
		}
	})
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *writeGolden {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != got {
		t.Errorf("%s: %v, got\n%s\nwant\n%s", name, err, got, want)
	}
}
