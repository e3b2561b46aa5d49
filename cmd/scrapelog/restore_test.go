package main_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

// TestABackupIsRestored backs up beside a server under load, goes back, and runs nothing
// twice, with the commands of docs/howto/backup.md as they stand there.
func TestABackupIsRestored(t *testing.T) {
	t.Parallel()
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		t.Parallel()
		chapter := map[eventstore.Dialect]string{eventstore.SQLite: "SQLite", eventstore.Postgres: "PostgreSQL"}[db.Dialect]
		commands, _ := documented(t, chapter)
		s := &restoring{world: newWorld(t, db, "every 1s", "auth: {loopback: open}\n"), after: map[string]bool{}}
		s.serve()
		s.lives()
		s.underLoad(func() {
			s.sh(commands[0])
			s.goesOn()
		})
		s.server.kill()
		if db.Dialect == eventstore.Postgres { // else the lock of the file tells
			await(t, 30*time.Second, "the killed server counts as dead, in the backup too", func() bool { return len(liveInstances(t, db.URL)) == 0 })
		}
		s.sh(commands[1])
		s.serve()
		s.isAsItWas("disk failed, backup of Monday")
	})
}

var codeBlock = regexp.MustCompile("(?ms)^```(sh)?\n(.*?)^```$")

// documented returns what a chapter of docs/howto/backup.md tells its reader to run, and
// to write into a configuration.
func documented(t *testing.T, chapter string) (commands, settings []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/howto/backup.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), "\n## "+chapter+"\n")
	within, _, _ := strings.Cut(after, "\n## ")
	for _, match := range codeBlock.FindAllStringSubmatch(within, -1) {
		if match[1] == "sh" {
			commands = append(commands, match[2])
		} else {
			settings = append(settings, match[2])
		}
	}
	if !found || len(commands) == 0 {
		t.Fatalf("the document has no commands under %q", chapter)
	}
	return commands, settings
}

// restoring is a world that is backed up and restored.
type restoring struct {
	*world
	open  []run
	kept  int64           // the position up to which the backup surely has the log
	after map[string]bool // runs that were started after the backup
}

// lives is what the backup will have: open runs, a slot, a notice that was sent, a user.
func (s *restoring) lives() {
	s.Helper()
	s.open = []run{s.follow("a"), s.follow("b")}
	s.fails("failing.started", 1)
	s.addUser("ada")
	await(s, 30*time.Second, "a slot has come", func() bool { return len(s.runs("scraper=slots&status=completed")) > 0 })
	s.kept = s.runs("status=completed")[0].Position
}

// underLoad starts runs as fast as they end, while do runs.
func (s *restoring) underLoad(do func()) {
	s.Helper()
	ctx, stop := context.WithCancel(s.Context())
	var group sync.WaitGroup
	for i := range loading {
		group.Go(func() {
			for ctx.Err() == nil {
				if res, err := http.Post(fmt.Sprintf("%s/api/v1/scrapers/load-%d/runs", s.base, i), "application/json", nil); err == nil {
					_ = res.Body.Close()
				}
			}
		})
	}
	began := s.quick.count()
	await(s, 30*time.Second, "the load has begun", func() bool { return s.quick.count() > began+loading })
	do()
	stop()
	group.Wait()
}

// goesOn is what the backup will not have.
func (s *restoring) goesOn() {
	s.Helper()
	before := s.quick.posted()
	await(s, 30*time.Second, "the load goes on after the backup", func() bool { return s.quick.count() > len(before)+10*loading })
	slots := len(s.runs("scraper=slots"))
	await(s, 30*time.Second, "another slot comes", func() bool { return len(s.runs("scraper=slots")) > slots })
	s.holder.end(s, s.open[0].ID)
	s.ended(s.open[0].ID, 30*time.Second)
	s.fails("failing.ended", 2)
	s.addUser("bob")
	for id := range s.quick.posted() {
		s.after[id] = before[id] == 0
	}
}

// sh runs what the document says, with the paths and the databases of the test.
func (s *restoring) sh(script string) {
	s.Helper()
	postgres, err := eventstoretest.Program("pg_dump")
	if err != nil && s.database.Dialect == eventstore.Postgres {
		s.Fatal(err)
	}
	place := filepath.Dir(s.config)
	if s.database.Dialect == eventstore.SQLite {
		place = filepath.Dir(strings.TrimPrefix(s.database.URL, "sqlite:"))
	}
	programs := s.TempDir()
	if err := os.Symlink(binary, filepath.Join(programs, "scrapelog")); err != nil {
		s.Fatal(err)
	}
	quoted := func(url string) string { return "'" + url + "'" }
	script = strings.NewReplacer(
		"postgres://scrapelog@db.internal/scrapelog", quoted(s.database.URL),
		"postgres://postgres@db.internal/postgres", quoted(regexp.MustCompile(`/scrapelog_test_\w+`).ReplaceAllString(s.database.URL, "/postgres")),
		"scrapelog.db", "test.db", "/backups", filepath.Dir(s.config),
	).Replace(script)
	cmd := exec.CommandContext(s.Context(), "sh", "-euc", script)
	cmd.Dir = place
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+stateHome(s.T), "PATH="+programs+":"+filepath.Dir(postgres)+":"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		s.Fatalf("%s\n%v\n%s", script, err, out)
	}
}

// isAsItWas: what was open is started again, once; slots and notices of the backup are
// not repeated; the log is proven, and says why it was accepted.
func (s *restoring) isAsItWas(reason string) {
	s.Helper()
	for _, r := range s.open {
		if r = s.recovered(r); r.Status != "connection_failed" || r.Cause != "instance_lost" {
			s.Errorf("%s, which was open in the backup, is %s, %s", r.Scraper, r.Status, r.Cause)
		}
	}
	s.slotsComeOnce()
	// What was told before the backup stays told; after it comes what happens now.
	s.fails("failing.ended", 3)
	if again := s.hook.arrived(); again != 3 {
		s.Errorf("%d notices have arrived: %v", again, s.hook.types())
	}
	if twice := s.holder.postedTwice(); len(twice) > 0 {
		s.Errorf("POSTed twice: %v", twice)
	}
	if names := s.users(); !slices.Equal(names, []string{"ada"}) {
		s.Errorf("the users are %v", names)
	}
	if live := liveInstances(s.T, s.database.URL); len(live) != 1 {
		s.Errorf("the instances are %v", live)
	}
	s.says(map[string]string{
		"events verify --all": reason, "audit replay": "equal                yes", "db status": "as the log has them",
	})
	if code := s.server.stop(s.T); code != 0 {
		s.Errorf("serve exits %d", code)
	}
}

// slotsComeOnce: of all runs only the last slot that was due before the restore may be
// run again, under its id.
func (s *restoring) slotsComeOnce() {
	s.Helper()
	first := s.runs("scraper=slots")
	await(s, 30*time.Second, "slots come again", func() bool { return len(s.runs("scraper=slots&status=completed")) > len(first)+1 })
	var again []string
	for id, n := range s.quick.posted() {
		if n > 1 {
			again = append(again, id)
		}
	}
	due, kept := map[string]bool{}, map[string]bool{}
	for _, e := range s.events() {
		if e.Type != "run.started" {
			continue
		}
		if slot, is := e.Data["due_at"].(string); is && due[slot] {
			s.Errorf("the slot %s was run twice", slot)
		} else if is {
			due[slot] = true
		}
		kept[strings.TrimPrefix(e.Stream, "run-")] = e.Position <= s.kept
	}
	if len(again) > 1 || len(again) == 1 && (kept[again[0]] || s.run(again[0]).Scraper != "slots") {
		s.Errorf("POSTed again: %v", again)
	}
	lost := 0
	for id, after := range s.after {
		if _, is := kept[id]; after && !is {
			lost++
		}
	}
	if lost == 0 {
		s.Error("no run was started after the backup: the test shows nothing")
	}
}
