package main_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
		commands := documented(t, "../../docs/howto/backup.md", chapter)
		s := newRestoring(t, db)
		s.lives()
		s.underLoad(func() {
			s.sh(commands[0])
			s.goesOn()
		})
		s.server.kill()
		s.sh(commands[1])
		s.serve()
		s.isAsItWas()
	})
}

var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// documented returns what a chapter of a document tells its reader to run.
func documented(t *testing.T, path, chapter string) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), "\n## "+chapter+"\n")
	within, _, _ := strings.Cut(after, "\n## ")
	for _, match := range shellBlock.FindAllStringSubmatch(within, -1) {
		blocks = append(blocks, match[1])
	}
	if !found || len(blocks) == 0 {
		t.Fatalf("%s has no commands under %q", path, chapter)
	}
	return blocks
}

// restoring is a log that is backed up and restored, and the world around it, which
// remembers what came after the backup.
type restoring struct {
	*testing.T
	api
	database eventstoretest.Database
	config   string
	server   *process
	holder   *holder       // a and b have runs that last
	quick    *quickScraper // its runs complete at once
	say      func(event string)
	hook     *hook
	open     []run
	kept     int64           // the position up to which the backup surely has the log
	after    map[string]bool // runs that were started after the backup
}

const restoringConfig = `database: %q
auth: {loopback: open}
shutdown_grace: 300ms
notify: {group_wait: 0s, to: [{name: hook, webhook_env: RESTORED_HOOK, secret_env: RESTORED_SECRET}]}
scrapers:
  - {name: a, url: %[2]s/a, probe: {interval: 200ms}, recovery: {hold_down: 1s}}
  - {name: b, url: %[2]s/b, probe: {interval: 200ms}, recovery: {hold_down: 1s}}
  - {name: slots, url: %[3]s/slots, schedule: every 1s}
  - {name: failing, url: %[4]s}
`

const loading = 8 // scrapers that are started again and again

func newRestoring(t *testing.T, db eventstoretest.Database) *restoring {
	s := &restoring{T: t, database: db, holder: newHolder(t), quick: newQuickScraper(t), hook: newHook(t, nil), after: map[string]bool{}}
	s.api = api{t, "http://" + freeAddr(t)}
	failing, say := failingScraper(t)
	s.say = say
	setenv(t, "RESTORED_HOOK", s.hook.URL)
	setenv(t, "RESTORED_SECRET", webhookSecret)
	config := fmt.Sprintf(restoringConfig, db.URL, s.holder.URL, s.quick.URL, failing.URL)
	for i := range loading {
		config += fmt.Sprintf("  - {name: load-%d, url: %s}\n", i, s.quick.URL)
	}
	s.config = write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), config)
	s.serve()
	return s
}

func (s *restoring) serve() {
	s.Helper()
	s.server = start(s.T, "serve", "--config", s.config, "--listen", strings.TrimPrefix(s.base, "http://"))
	s.ready()
}

// lives is what the backup will have: open runs, a slot, a notice that was sent, a user.
func (s *restoring) lives() {
	s.Helper()
	for _, name := range []string{"a", "b"} {
		r := s.startRun(name)
		await(s, 30*time.Second, name+" is followed", func() bool { return s.holder.follows(r.ID) })
		s.open = append(s.open, r)
	}
	s.fails("failing.started", 1)
	s.addUser("ada")
	await(s, 30*time.Second, "a slot has come", func() bool { return len(s.runs("scraper=slots&status=completed")) > 0 })
	s.kept = s.head()
}

func (s *restoring) head() int64 {
	s.Helper()
	runs := s.runs("status=completed")
	return runs[0].Position
}

// fails lets the failing scraper fail, or complete for the edge failing.ended, and waits
// until that was told as the notice of that number, and the log knows.
func (s *restoring) fails(edge string, n int) {
	s.Helper()
	s.say(saysFailed)
	if edge == "failing.ended" {
		s.say(saysCompleted)
	}
	s.startRun("failing")
	if told := s.hook.await(s, n); told[n-1].Type != edge {
		s.Errorf("told %v, and not %s as number %d", s.hook.types(), edge, n)
	}
	await(s, 30*time.Second, "the notice is noted as sent", func() bool {
		var page struct{ Notices []struct{ State string } }
		s.do("GET", "/api/v1/notices?state=pending", "", &page)
		return len(page.Notices) == 0
	})
}

func (s *restoring) addUser(name string) {
	s.Helper()
	if code := s.do("POST", "/api/v1/users", fmt.Sprintf(`{"name":%q,"role":"admin","password":"correct horse battery"}`, name), nil); code != 201 {
		s.Errorf("adding %s: %d", name, code)
	}
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
// not repeated; the log is proven.
func (s *restoring) isAsItWas() {
	s.Helper()
	for _, r := range s.open {
		await(s, 30*time.Second, "run "+r.ID+" is recovered", func() bool { r = s.run(r.ID); return r.RecoveredBy != "" })
		if r.Status != "connection_failed" || r.Cause != "instance_lost" {
			s.Errorf("%s, which was open in the backup, is %s, %s", r.Scraper, r.Status, r.Cause)
		}
		await(s, 30*time.Second, r.Scraper+" runs again", func() bool { return s.holder.follows(r.RecoveredBy) })
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
	var page struct{ Users []struct{ Name string } }
	if s.do("GET", "/api/v1/users", "", &page); len(page.Users) != 1 || page.Users[0].Name != "ada" {
		s.Errorf("the users are %v", page.Users)
	}
	if live := liveInstances(s.T, s.database.URL); len(live) != 1 {
		s.Errorf("the instances are %v", live)
	}
	s.isProven()
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

func (s *restoring) isProven() {
	s.Helper()
	home := stateHome(s.T)
	for _, want := range []struct{ args, says string }{
		{"events verify --all", "disk failed, backup of Monday"}, {"audit replay", "equal                yes"}, {"db status", "as the log has them"},
	} {
		out, errs, code := commandAt(s.T, home, append(strings.Fields(want.args), "--db", s.database.URL)...)
		if code != 0 || !strings.Contains(out+errs, want.says) {
			s.Errorf("%s exits %d, and does not say %q:\n%s%s", want.args, code, want.says, out, errs)
		}
	}
	if code := s.server.stop(s.T); code != 0 {
		s.Errorf("serve exits %d", code)
	}
}

// quickScraper completes each run at once and remembers who asked.
type quickScraper struct {
	*httptest.Server
	mu    sync.Mutex
	posts map[string]int // by run id
}

func newQuickScraper(t testing.TB) *quickScraper {
	q := &quickScraper{posts: map[string]int{}}
	q.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Method == http.MethodPost {
			q.mu.Lock()
			q.posts[r.Header.Get("X-Scrapelog-Run-Id")]++
			q.mu.Unlock()
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, saysCompleted)
	}))
	t.Cleanup(q.Close)
	return q
}

func (q *quickScraper) posted() map[string]int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return maps.Clone(q.posts)
}

func (q *quickScraper) count() int { return len(q.posted()) }

