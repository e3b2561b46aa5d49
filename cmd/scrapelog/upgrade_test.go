package main_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

// releases has a folder per release and in it one per database: what the program of that
// release has left behind when it was killed in the middle of its work.
const releases = "testdata/releases"

var keep = flag.String("keep", "", "write testdata/releases/NAME with the program of "+binaryVariable)

// TestUpgrade serves what earlier releases have left: nothing in it has changed, and it
// goes on from there.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	if *keep != "" {
		eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
			keepRelease(t, db, filepath.Join(releases, *keep, string(db.Dialect)))
		})
		return
	}
	kept, err := os.ReadDir(releases)
	if err != nil || len(kept) == 0 {
		t.Fatal("no release is kept", err)
	}
	for _, release := range kept {
		t.Run(release.Name(), func(t *testing.T) {
			eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
				t.Parallel()
				u := &upgrade{folder: filepath.Join(releases, release.Name(), string(db.Dialect))}
				u.world = newWorld(t, db, "@daily", proofIn(t, u.folder)+"auth: {loopback: open}\n")
				u.unpack()
				u.serve()
				u.isAsItWas()
				u.goesOn()
			})
		})
	}
}

// upgrade is a kept release that this program serves.
type upgrade struct {
	*world
	folder string
	waited []string // notices that had not been sent
}

// proofIn copies key and checkpoints to where they may be written, and returns the setting
// that names them.
func proofIn(t *testing.T, folder string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"audit.key", "audit.checkpoints"} {
		if content, err := os.ReadFile(filepath.Join(folder, name)); err == nil {
			write(t, filepath.Join(dir, name), string(content))
		}
	}
	return fmt.Sprintf("audit: {key: %q}\n", filepath.Join(dir, "audit.key"))
}

// unpack puts the kept database in the place of an empty one.
func (u *upgrade) unpack() {
	u.Helper()
	packed, err := os.Open(filepath.Join(u.folder, "log.gz"))
	if err != nil {
		u.Fatal(err)
	}
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		u.Fatal(err)
	}
	content, err := io.ReadAll(unpacked)
	if err != nil {
		u.Fatal(err)
	}
	if u.database.Dialect == eventstore.SQLite {
		write(u, strings.TrimPrefix(u.database.URL, "sqlite:"), string(content))
		return
	}
	program, err := eventstoretest.Program("psql")
	if err != nil {
		u.Fatal(err)
	}
	psql := exec.CommandContext(u.Context(), program, "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", u.database.URL)
	psql.Stdin = bytes.NewReader(content)
	if out, err := psql.CombinedOutput(); err != nil {
		u.Fatalf("%v\n%s", err, out)
	}
}

// isAsItWas: runs that had ended are shown as then, the open one is ended and recovered
// once, and the notice that could not be sent is told once.
func (u *upgrade) isAsItWas() {
	u.Helper()
	var kept struct{ Runs []map[string]any }
	u.read("runs.json", &kept)
	for _, was := range kept.Runs {
		id := fmt.Sprint(was["id"])
		if was["status"] == "running" {
			if r := u.recovered(run{ID: id}); r.Cause != "instance_lost" {
				u.Errorf("the run that was open is %+v", r)
			}
			continue
		}
		var now map[string]any
		u.do("GET", "/api/v1/runs/"+id, "", &now)
		for field, value := range was {
			if !reflect.DeepEqual(now[field], value) {
				u.Errorf("%s of run %s was %v and is %v", field, id, value, now[field])
			}
		}
	}
	u.tellsTheRest()
}

// tellsTheRest: notices that had not been sent arrive once, and the others do not arrive.
func (u *upgrade) tellsTheRest() {
	u.Helper()
	var kept struct{ Notices []struct{ ID, State string } }
	u.read("notices.json", &kept)
	for _, n := range kept.Notices {
		if n.State != "sent" {
			u.waited = append(u.waited, n.ID)
		}
	}
	var told []string
	for _, n := range u.hook.await(u, len(u.waited)) {
		told = append(told, n.webhookID)
	}
	slices.Sort(told)
	if slices.Sort(u.waited); !slices.Equal(told, u.waited) || u.hook.arrived() != len(told) {
		u.Errorf("told %v (%v), and what waited is %v", told, u.hook.types(), u.waited)
	}
}

// read reads what the API had said of the release.
func (u *upgrade) read(name string, into any) {
	u.Helper()
	text, err := os.ReadFile(filepath.Join(u.folder, name))
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		u.Fatal(err)
	}
}

func (u *upgrade) goesOn() {
	u.Helper()
	if r := u.ended(u.startRun("load-0").ID, 30*time.Second); r.Status != "completed" {
		u.Errorf("a new run is %+v", r)
	}
	if code := u.do("POST", "/api/v1/scrapers/load-1/runs", "", nil); code != http.StatusConflict {
		u.Errorf("a scraper that was paused starts: %d", code)
	}
	if name, err := os.ReadFile(filepath.Join(u.folder, "user")); err == nil {
		if names := u.users(); !slices.Equal(names, strings.Fields(string(name))) {
			u.Errorf("the users are %v", names)
		}
	}
	u.fails("failing.started", len(u.waited)+1)
	u.says(map[string]string{"events verify --all": "The log is intact", "audit replay": "equal                yes", "db status": "as the log has them"})
	if code := u.server.stop(u.T); code != 0 {
		u.Errorf("serve exits %d", code)
	}
}

// keepRelease lets the program live for a while, kills it, and keeps what it leaves.
func keepRelease(t *testing.T, db eventstoretest.Database, folder string) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	proof := t.TempDir()
	w := newWorld(t, db, "@daily", fmt.Sprintf("audit: {key: %q}\n", filepath.Join(proof, "audit.key")))
	w.serve()
	for i := range 20 {
		w.ended(w.startRun(fmt.Sprintf("load-%d", i%loading)).ID, 30*time.Second)
	}
	w.fails("failing.started", 1)
	w.hook.Server.Close()
	w.say(saysCompleted)
	w.ended(w.startRun("failing").ID, 30*time.Second)
	lost := w.follow("a")
	w.holder.cut(t, lost.ID)
	w.holder.end(t, w.recovered(lost).RecoveredBy)
	if code := w.do("POST", "/api/v1/scrapers/load-1/pause", `{"reason":"kept"}`, nil); code >= 300 {
		t.Errorf("pause: %d", code)
	}
	const waiting = 3 // the scraper has completed, an outage began, it ended
	await(t, 30*time.Second, "notices wait", func() bool { return len(w.pending()) == waiting })
	w.follow("b")
	w.keep("/api/v1/runs?limit=500", filepath.Join(folder, "runs.json"))
	w.keep("/api/v1/notices", filepath.Join(folder, "notices.json"))
	if w.addUser("ada") == http.StatusCreated { // the last request that needs no login
		write(t, filepath.Join(folder, "user"), "ada\n")
	}
	w.server.kill()
	if db.Dialect == eventstore.SQLite {
		w.says(map[string]string{"db migrate": ""}) // moves the -wal into the file
	}
	for _, name := range []string{"audit.key", "audit.checkpoints"} {
		content, err := os.ReadFile(filepath.Join(proof, name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(folder, name), string(content))
	}
	w.pack(filepath.Join(folder, "log.gz"))
}

// keep writes what the API says of the release.
func (w *world) keep(path, file string) {
	w.Helper()
	var said any
	if code := w.do("GET", path, "", &said); code != 200 {
		w.Fatalf("%s: %d", path, code)
	}
	text, err := json.MarshalIndent(said, "", " ")
	if err != nil {
		w.Fatal(err)
	}
	write(w, file, string(text)+"\n")
}

// session is the lines of a dump that an older psql does not know.
var session = regexp.MustCompile(`(?m)^\\(un)?restrict .*\n|^SET transaction_timeout.*\n`)

func (w *world) pack(path string) {
	w.Helper()
	content, err := os.ReadFile(strings.TrimPrefix(w.database.URL, "sqlite:"))
	if w.database.Dialect == eventstore.Postgres {
		var program string
		if program, err = eventstoretest.Program("pg_dump"); err == nil {
			content, err = exec.CommandContext(w.Context(), program, "--no-owner", "--no-privileges", w.database.URL).Output()
		}
		content = session.ReplaceAll(content, nil)
	}
	if err != nil {
		w.Fatal(err)
	}
	var packed bytes.Buffer
	writer, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		w.Fatal(err)
	}
	if _, err := writer.Write(content); err != nil {
		w.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		w.Fatal(err)
	}
	write(w, path, packed.String())
}
