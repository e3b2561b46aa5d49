package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"scrapelog/domain"
	"scrapelog/eventstore/credentials"
	"scrapelog/eventstore/eventstoretest"
)

// TestActorsAreNamedInTables, until they are removed; JSON has their ids.
func TestActorsAreNamedInTables(t *testing.T) {
	db := eventstoretest.SQLite(t)
	users := credentials.New(openStore(t, db.URL), "")
	ada, _, err := users.Add(t.Context(), "cli", "ada", domain.RoleAdmin, "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	bob, _, err := users.Add(t.Context(), "user:"+ada.ID.String(), "bob", domain.RoleAdmin, "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"list", "tail", "grep added"} {
		args := append([]string{"events"}, append(strings.Fields(command), "--db", db.URL)...)
		exits(t, 0, "by ada\n", args...)
		exits(t, 0, `"by":"user:`+ada.ID.String(), append(args, "-o", "ndjson")...)
	}
	if _, err := users.Remove(t.Context(), "user:"+bob.ID.String(), ada.ID); err != nil {
		t.Fatal(err)
	}
	exits(t, 0, "by user:"+ada.ID.String()+"\n", "events", "list", "--db", db.URL)

	f := fakeAPI(t)
	f.answer("GET /api/v1/runs/"+runID, 200, strings.NewReplacer("running", "cancelled", `"instance"`, `"ended_at":"2026-11-23T12:00:09Z","instance"`).Replace(openRun))
	f.answer("GET /api/v1/users/"+ada.ID.String(), 200, `{"name":"ada"}`)
	about := `"run_id":"` + runID + `","scraper":"shop","at":"2026-11-23T12:00:`
	f.answer("GET /api/v1/events", 200, `{"events":[{"position":1,"type":"run.started","data":{`+about+`00Z","trigger":"manual"}},`+
		`{"position":2,"type":"run.cancelled","data":{`+about+`09Z","by":"user:`+ada.ID.String()+`","reason":"enough"}}]}`)
	exits(t, 0, "Cancelled after 9 s by ada", "runs", "show", runID)
}

func TestBackupIsVerified(t *testing.T) {
	a := eventstoretest.SQLite(t)
	store := sealedLog(t, a)
	path := filepath.Join(t.TempDir(), "back up.db")
	exits(t, 0, "6 6 intact\n", "db", "backup", path, "--db", a.URL, "--jq", `"\(.head) \(.sealed) \(.verdict)"`)
	exits(t, 4, "is there already", "db", "backup", path, "--db", a.URL)
	exits(t, 0, "6\n", "db", "status", "--db", "sqlite:"+path, "--jq", ".head")
	left, err := os.ReadDir(filepath.Dir(path))
	if info, statErr := os.Stat(path); err != nil || statErr != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v, %v", info, err, statErr)
	}
	for _, f := range left {
		if strings.HasSuffix(f.Name(), ".checkpoints") {
			t.Errorf("%s was left", f.Name())
		}
	}
	exits(t, 4, "", "db", "backup", filepath.Join(path, "x"), "--db", a.URL)
	disturb(t, store, `UPDATE events SET data = '{}' WHERE position = 3`)
	exits(t, 5, "is no backup and was removed", "db", "backup", path+"2", "--db", a.URL)
	if _, err := os.Stat(path + "2"); err == nil {
		t.Error("a damaged copy was kept")
	}
}

func TestBackupOfPostgresNamesItsTool(t *testing.T) {
	a := eventstoretest.Postgres(t)
	openStore(t, a.URL)
	exits(t, 6, "pg_dump", "db", "backup", "x.dump", "--db", a.URL)
}

// lineOf is the number of the line that begins with a text.
func lineOf(text, begins string) int {
	return slices.IndexFunc(strings.Split(text, "\n"), func(line string) bool { return strings.HasPrefix(line, begins) }) + 1
}

func TestConfigDescribed(t *testing.T) {
	t.Chdir(t.TempDir())
	schema, _ := exits(t, 0, "additionalProperties", "config", "schema")
	if !json.Valid([]byte(schema)) {
		t.Error(schema)
	}
	example, _ := exits(t, 0, "scrapers:", "config", "example")
	putFile(t, "scrapelog.yaml", example)
	exits(t, 0, "1 scrapers", "config", "check")
	t.Setenv("SCRAPELOG_DB", "sqlite:x.db")
	for key, origin := range map[string]string{
		"listen": "--listen", "database": "$SCRAPELOG_DB", "shutdown_grace": fmt.Sprintf("scrapelog.yaml:%d", lineOf(example, "shutdown_grace:")), "public_url": "default",
		"scrapers[0].probe.interval": "scrapelog.yaml:", "scrapers[0].expect.min_items": "default",
	} {
		exits(t, 0, origin, "config", "show", "--origin", "--listen", "127.0.0.1:9", "--jq", `.[] | select(.key == "`+key+`") | .origin`)
	}
	exits(t, 0, "key,value,origin\n", "config", "show", "--origin", "-o", "csv")
}

func TestVersionAndAliases(t *testing.T) {
	long, _ := exits(t, 0, "scrapelog ", "version")
	if short, _ := exits(t, 0, "", "--version"); short != long {
		t.Errorf("--version says %q, version %q", short, long)
	}
	for _, alias := range []string{"run ls", "scraper ls", "outage ls", "notice ls", "event dead-letters ls"} {
		exits(t, 0, "list", append(strings.Fields(alias), "--help")...)
	}
}

// TestCompletionIsSilent: no server, no database, and still no error.
func TestCompletionIsSilent(t *testing.T) {
	t.Chdir(t.TempDir())
	for args, want := range map[string]string{
		"runs show ":                ":4\n",
		"scrapers pause ":           ":4\n",
		"events list --scraper ":    ":4\n",
		"runs list --status ":       "running\ncompleted\nfailed\nconnection_failed\ncancelled\n:4\n",
		"events list --type run.st": "run.started\n",
	} {
		words := strings.Split(args, " ")
		stdout, stderr, code := invoke(t, append([]string{"__complete"}, words...)...)
		if code != 0 || !strings.HasSuffix(stdout, want) && !strings.Contains(stdout, want) || strings.Contains(stderr, "scrapelog:") {
			t.Errorf("%s: exit %d, %q, %q", args, code, stdout, stderr)
		}
	}
}

func TestScrapersAreApplied(t *testing.T) {
	t.Chdir(t.TempDir())
	f := fakeAPI(t)
	api := func(name string) string {
		return strings.NewReplacer(`"name":"shop"`, `"name":"`+name+`"`, `"source":"file"`, `"source":"api"`).Replace(shop)
	}
	f.answer("GET /api/v1/scrapers", 200, `{"scrapers":[`+shop+`,`+api("other")+`,`+api("same")+`]}`)
	f.answer("GET /api/v1/scrapers/same", 200, api("same"))
	f.answer("PUT /api/v1/scrapers/{name}", 200, api("other"))
	f.answer("DELETE /api/v1/scrapers/{name}", 204, "")

	shown, _ := exits(t, 0, "# connection     up\n", "scrapers", "show", "same")
	file := shown + "  - {name: other, url: http://127.0.0.1:9090/else}\n  - {name: fresh, url: http://127.0.0.1:9090/fresh}\n"
	putFile(t, "scrapers.yaml", file)
	exits(t, 0, "SCRAPER  RESULT\nsame     unchanged\nother    changed\nfresh    created\n", "scrapers", "apply", "-f", "scrapers.yaml", "--dry-run", "--prune")
	for _, seen := range f.seen {
		if !strings.HasPrefix(seen, "GET ") {
			t.Errorf("a dry run sent %s", seen)
		}
	}
	exits(t, 0, "fresh    created\n", "scrapers", "apply", "-f", "scrapers.yaml")
	putFile(t, "scrapers.yaml", "scrapers: []\n")
	exits(t, 0, "SCRAPER  RESULT\nother    removed\nsame     removed\n", "scrapers", "apply", "-f", "scrapers.yaml", "--prune")
	f.asked(t, `DELETE /api/v1/scrapers/other {"reason":"not in the file that was applied"}`)

	putFile(t, "scrapers.yaml", "scrapers:\n  - {name: shop, url: http://127.0.0.1:9090/else}\n")
	exits(t, 6, "is managed by the server's configuration file", "scrapers", "apply", "-f", "scrapers.yaml")
	putFile(t, "scrapers.yaml", "scrapers:\n  - {name: shop, url: nowhere}\n")
	exits(t, 2, "scrapers.yaml:2:", "scrapers", "apply", "-f", "scrapers.yaml")
	exits(t, 2, "-f FILE is missing", "scrapers", "apply")

	exits(t, 0, "removed", "scrapers", "remove", "other", "--reason", "closed")
	f.asked(t, `DELETE /api/v1/scrapers/other {"reason":"closed"}`)
}

func TestLatestIsTheNewestRun(t *testing.T) {
	f := fakeAPI(t)
	f.answer("GET /api/v1/runs/latest", 200, doneRun)
	exits(t, 0, runID+"\n", "runs", "show", "latest", "--jq", ".id")
}

func TestStatusIsOneScreen(t *testing.T) {
	f := fakeAPI(t)
	lost := strings.NewReplacer(`"name":"shop"`, `"name":"away"`, `"state":"up"`, `"state":"lost","cause":"reset"`, `"next_slot":"2026-11-23T12:00:30Z",`, "").Replace(shop)
	f.answer("GET /readyz", 200, `{"status":"ready","warnings":["The log is not sealed by this process"]}`)
	f.answer("GET /api/v1/scrapers", 200, `{"scrapers":[`+shop+`,`+lost+`]}`)
	f.answer("GET /api/v1/runs", 200, `{"runs":[`+openRun+`]}`)
	f.answer("GET /api/v1/outages", 200, `{"outages":[{"id":"`+runID+`","origin":"http://127.0.0.1:9090","started_at":"2026-11-23T12:00:00Z","cause":"reset","runs_lost":2}]}`)
	f.answer("GET /api/v1/events", 200, `{"events":[{"position":9,"data":{"at":"2026-11-23T11:00:00Z","up_to":8,"result":"intact"}}]}`)
	stdout, stderr, code := invoke(t, "status")
	want := `state         ready
warning       The log is not sealed by this process
scrapers      2
lost          1: away
open runs     1: shop
outage        http://127.0.0.1:9090 since 2026-11-23T12:00:00Z: reset, 2 runs lost
next slot     2026-11-23T12:00:30Z shop
last run      2026-11-23T12:00:00Z shop running
log verified  2026-11-23T11:00:00Z, intact up to event 8
`
	if stdout != want || code != 0 {
		t.Errorf("exit %d, %s, got\n%s", code, stderr, stdout)
	}
	exits(t, 0, "away\n", "status", "--jq", ".scrapers.lost[]")
	exits(t, 2, "is not a terminal", "top")

	down := fakeAPI(t)
	down.answer("GET /readyz", 503, `{"title":"not ready","detail":"runs is 12s behind","reasons":["runs is 12s behind"]}`)
	down.answer("GET /api/v1/scrapers", 200, `{"scrapers":[]}`)
	down.answer("GET /api/v1/runs", 200, `{"runs":[]}`)
	down.answer("GET /api/v1/outages", 200, `{"outages":[]}`)
	down.answer("GET /api/v1/events", 200, `{"events":[]}`)
	exits(t, 1, "the server is not ready: runs is 12s behind", "status")
	t.Setenv("SCRAPELOG_SERVER", "http://127.0.0.1:1")
	exits(t, 4, "cannot reach a server", "status")
}
