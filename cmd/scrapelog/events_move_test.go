package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/instances"
	"scrapelog/eventstore/proof"
)

// TestAnExportIsTheSameLog: between both databases and back, the bytes and so the root
// are the same, guards and offsets are right, and an import that was cut short goes on.
func TestAnExportIsTheSameLog(t *testing.T) {
	databases := map[string]func(testing.TB) eventstoretest.Database{"sqlite": eventstoretest.SQLite, "postgres": eventstoretest.Postgres}
	for from, source := range databases {
		for to, target := range databases {
			t.Run(from+" to "+to, func(t *testing.T) {
				a := source(t)
				sealedLog(t, a)
				lines, _ := exits(t, 0, `"last":6}`, "events", "export", "--db", a.URL)
				root, _ := exits(t, 0, "\n", "audit", "checkpoint", "--db", a.URL, "--jq", ".root")
				path := filepath.Join(t.TempDir(), "log.ndjson")
				putFile(t, path, lines)

				b := target(t)
				part := openStore(t, b.URL)
				var export proof.Exported
				e, err := export.Add([]byte(strings.SplitAfter(lines, "\n")[0]))
				if err != nil {
					t.Fatal(err)
				}
				if err := part.Import(t.Context(), []eventstore.Stored{eventstore.Stored(e)}, 6, []string{"rescrape"}); err != nil {
					t.Fatal(err)
				}
				if flaws, err := part.Flaws(t.Context()); err != nil || len(flaws) == 0 {
					t.Errorf("a part of an import looks whole: %v, %v", flaws, err)
				}
				if got, _ := exits(t, 0, "\n", "events", "import", path, "--db", b.URL, "--jq", ".already_there, .sealed, .root"); got != "1\ntrue\n"+root {
					t.Errorf("imported %s, want %s", got, root)
				}
				if again, _ := exits(t, 0, "", "events", "export", "--db", b.URL); again != lines {
					t.Errorf("exported again:\n%s\nwant\n%s", again, lines)
				}
				exits(t, 0, "The log is intact: all 6", "events", "verify", "--db", b.URL)
				exits(t, 0, "as the log has them", "db", "status", "--db", b.URL)
			})
		}
	}
}

// TestAnImportUnderTheProofOfAnotherLog says so, is signed by files of its own, and may take
// the place of the other log.
func TestAnImportUnderTheProofOfAnotherLog(t *testing.T) {
	a, b := eventstoretest.SQLite(t), eventstoretest.SQLite(t)
	sealedLog(t, a)
	lines, _ := exits(t, 0, "", "events", "export", "--db", a.URL)
	path := filepath.Join(t.TempDir(), "log.ndjson")
	putFile(t, path, lines)
	others := []string{"--key", stateFile(t, "audit.key"), "--checkpoints", stateFile(t, "audit.checkpoints")}
	importing := func(db eventstoretest.Database, proof ...string) []string {
		return append([]string{"events", "import", path, "--db", db.URL}, proof...)
	}
	exits(t, 6, "Import again with files of its own", importing(b, others...)...)
	own := []string{"--key", filepath.Join(t.TempDir(), "audit.key"), "--checkpoints", filepath.Join(t.TempDir(), "audit.checkpoints")}
	exits(t, 0, "already there  6", importing(b, own...)...)
	verify := append([]string{"events", "verify", "--db", b.URL}, own...)
	exits(t, 0, "The log is intact: all 6", verify...)

	c := eventstoretest.SQLite(t)
	exits(t, 6, "is not signed", importing(c, others...)...)
	exits(t, 0, "", append([]string{"audit", "checkpoint", "--accept-restored", "it moved", "--db", c.URL}, others...)...)
	exits(t, 0, "it moved", append([]string{"events", "verify", "--db", c.URL}, others...)...)
}

func putFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestADamagedExportChangesNothing, and its line is named.
func TestADamagedExportChangesNothing(t *testing.T) {
	a := eventstoretest.SQLite(t)
	sealedLog(t, a)
	export, _ := exits(t, 0, "", "events", "export", "--db", a.URL)
	lines := strings.SplitAfter(strings.TrimSuffix(export, "\n"), "\n")
	empty := eventstoretest.SQLite(t)
	openStore(t, empty.URL)
	path := filepath.Join(t.TempDir(), "log.ndjson")
	for name, test := range map[string]struct{ content, says string }{
		"a byte changed":        {strings.Replace(export, "shop", "shoq", 1), "line 1 "},
		"a byte in the third":   {lines[0] + lines[1] + strings.Replace(lines[2], `"version":`, `"version":1`, 1) + lines[3], "line 3 was changed"},
		"a line is missing":     {lines[0] + lines[2] + lines[3], "line 2 has position 3"},
		"two lines swapped":     {lines[1] + lines[0], "line 1 has position 2"},
		"cut in a line":         {lines[0] + lines[1][:40], "line 2 is not JSON, or was cut"},
		"cut between two lines": {lines[0] + lines[1], "line 3 is missing: the export has 6 events"},
		"no export":             {`{"position":1}` + "\n", "line 1 "},
		"of another export":     {lines[0] + strings.Replace(lines[1], `"last":6`, `"last":7`, 1), "line 2 belongs to an export up to position 7"},
		"empty":                 {"", "holds no event"},
		"a line twice":          {lines[0] + lines[1] + lines[1] + lines[2], "line 3 has position 2"},
		"packed":                {"\x1f\x8b\x08\x00" + export, "line 1 is not JSON but packed by gzip (unpack it first)"},
		"a byte order mark":     {"\ufeff" + export, "line 1 is not JSON but begins with a byte order mark"},
		"UTF-16":                {"\xff\xfe{\x00", "line 1 is not JSON but UTF-16"},
		"two exports":           {export + export, "line 7 has position 1, and 7 comes next"},
	} {
		t.Run(name, func(t *testing.T) {
			putFile(t, path, test.content)
			exits(t, 2, test.says, "events", "import", path, "--db", empty.URL)
			exits(t, 0, "0\n", "db", "status", "--db", empty.URL, "--jq", ".head")
		})
	}
	putFile(t, path, strings.ReplaceAll(export, "\n", "\r\n")) // an editor has saved it: the events are the same
	crlf := eventstoretest.SQLite(t)
	exits(t, 0, "6\n", "events", "import", path, "--db", crlf.URL, "--jq", ".events")
	exits(t, 3, "", "events", "import", path+"x", "--db", empty.URL)
	putFile(t, path, export)
	other := eventstoretest.SQLite(t)
	record(t, openStore(t, other.URL), story()[0])
	exits(t, 6, "the log is not empty", "events", "import", path, "--db", other.URL)
}

func TestExportAsCloudEvents(t *testing.T) {
	a := eventstoretest.SQLite(t)
	sealedLog(t, a)
	out, _ := exits(t, 0, "", "events", "export", "--db", a.URL, "--format", "cloudevents", "--after", "2", "--until", "3")
	var e map[string]any
	if err := json.Unmarshal([]byte(out), &e); err != nil || e["specversion"] != "1.0" || e["position"] != "3" || e["data"] == nil || e["source"] != "/scrapelog" {
		t.Errorf("%v: %s", err, out)
	}
	exits(t, 2, "is not a format", "events", "export", "--db", a.URL, "--format", "xml")
}

func TestGrepAndStats(t *testing.T) {
	a := eventstoretest.SQLite(t)
	sealedLog(t, a)
	exits(t, 0, "run.connection_lost", "events", "grep", "connection_l[aeiou]st", "--db", a.URL)
	exits(t, 1, "no event matches", "events", "grep", "CONNECTION_LOST", "--db", a.URL)
	exits(t, 0, "run.connection_lost", "events", "grep", "-i", "CONNECTION_LOST", "--db", a.URL)
	exits(t, 0, "1\n", "events", "grep", ".", "--limit", "1", "--db", a.URL, "--jq", "length")
	exits(t, 2, "missing closing", "events", "grep", "(", "--db", a.URL)
	exits(t, 1, "no event matches", "events", "grep", ".", "--type", "none", "--db", a.URL)

	for by, want := range map[string]string{"type": "run.started", "scraper": "shop", "cause": "reset", "day": "-", "hour": ":00Z"} {
		exits(t, 0, want, "events", "stats", "--by", by, "--db", a.URL)
	}
	exits(t, 0, "6\n", "events", "stats", "--db", a.URL, "--jq", "[.[].events]|add")
	exits(t, 2, "is not a key", "events", "stats", "--by", "colour", "--db", a.URL)
}

// TestTailWithACursor: every event is printed once, across runs of tail.
func TestTailWithACursor(t *testing.T) {
	a := eventstoretest.SQLite(t)
	store := sealedLog(t, a)
	cursor := filepath.Join(t.TempDir(), "seen")
	tail := func(args ...string) string {
		t.Helper()
		args = append([]string{"events", "tail", "--db", a.URL, "--cursor-file", cursor, "--no-headers", "-o", "ndjson", "--jq", ".position"}, args...)
		stdout, _ := exits(t, 0, "", args...)
		return strings.Join(strings.Fields(stdout), " ")
	}
	if got := tail("-n", "2"); got != "5 6" {
		t.Errorf("began with %q", got)
	}
	if got := tail(); got != "" {
		t.Errorf("printed again: %q", got)
	}
	record(t, store, story()[0])
	if got := tail(); !strings.HasPrefix(got, "7") {
		t.Errorf("printed %q", got)
	}
	putFile(t, cursor, "99\n")
	exits(t, 6, "ends at position", "events", "tail", "--db", a.URL, "--cursor-file", cursor)
	putFile(t, cursor, "x")
	exits(t, 2, "is not a position", "events", "tail", "--db", a.URL, "--cursor-file", cursor)
	exits(t, 4, "--cursor-file", "events", "tail", "--db", a.URL, "--cursor-file", filepath.Join(cursor, "x"))
}

func TestTailExitsOnAType(t *testing.T) {
	a := eventstoretest.SQLite(t)
	store := sealedLog(t, a)
	exits(t, 0, "run.connection_lost", "events", "tail", "--db", a.URL, "--exit-on", "run.connection_*", "--timeout", "30s")
	exits(t, 2, "is not a glob", "events", "tail", "--db", a.URL, "--exit-on", "[")
	ended := make(chan string)
	go func() {
		stdout, stderr, code := invokeWith(context.WithoutCancel(t.Context()), "events", "tail", "-n", "0", "--db", a.URL, "--exit-on", "scraper.*", "--timeout", "30s")
		ended <- fmt.Sprintln(stdout, stderr, code)
	}()
	for {
		record(t, store, story()[0])
		select {
		case said := <-ended:
			if !strings.HasSuffix(said, " 0\n") || !strings.Contains(said, "scraper.configured") {
				t.Error(said)
			}
			return
		default:
		}
	}
}

// TestReadsOfTheWholeLogAreRecorded: where there are users, and beside a process that has
// the lock of the database. A database that can only be read is read all the same.
func TestReadsOfTheWholeLogAreRecorded(t *testing.T) {
	for dialect, database := range map[string]func(testing.TB) eventstoretest.Database{"sqlite": eventstoretest.SQLite, "postgres": eventstoretest.Postgres} {
		t.Run(dialect, func(t *testing.T) {
			db := database(t)
			sealedLog(t, db)
			before, _ := exits(t, 0, `"last":6}`, "events", "export", "--db", db.URL)
			if again, _ := exits(t, 0, "", "events", "export", "--db", db.URL); again != before {
				t.Error("a read is recorded where there are no users")
			}
			store := openStore(t, db.URL)
			err := store.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, `INSERT INTO users (id, name, role, hash, epoch) VALUES ('018f0000-0000-7000-8000-000000000000', 'ann', 'admin', 'x', 1)`)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			release, err := instances.New(store).Maintain(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer release()
			after, _ := exits(t, 0, `"last":6}`, "events", "export", "--db", db.URL)
			if after != before {
				t.Errorf("the export changed:\n%s", after)
			}
			exits(t, 0, "", "audit", "bundle", "--after", "2", "--until", "4", "-o", filepath.Join(t.TempDir(), "b.zip"), "--db", db.URL)
			by := fmt.Sprintf("cli:%d", os.Getuid())
			want := ""
			if dialect == "sqlite" {
				exits(t, 0, "intact", "db", "backup", filepath.Join(t.TempDir(), "b.db"), "--db", db.URL)
				want = fmt.Sprintf("[9,\"log\",%q,\"backup\",0,8]\n", by)
			}
			want = fmt.Sprintf("[7,\"log\",%q,\"export\",0,6]\n[8,\"log\",%q,\"bundle\",2,4]\n", by, by) + want
			got, _ := exits(t, 0, "", "events", "list", "--type", "log.read", "--db", db.URL, "-o", "ndjson", "--jq", "[.position, .stream, .metadata.actor, .data.what, .data.after, .data.until] | tojson")
			if got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}
