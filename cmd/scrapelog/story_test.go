package main_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// docs are the pages that ship with Go: real HTML that nobody wrote for a test.
var docs = map[string]string{"spec": "go_spec.html", "memory": "go_mem.html", "assembler": "asm.html"}

// TestTheWholeStory plays the main job with real processes on real sockets:
// scrape, loss, record, return, rescrape, and the death of the server itself.
func TestTheWholeStory(t *testing.T) {
	t.Parallel()
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := newStory(t, db.URL)
		s.startWorker()
		s.startServer()
		s.scrapesRealPages()
		s.losesAndRecovers()
		s.survivesItsOwnDeath()
		s.stopsGracefully()
	})
}

// story is one installation: a site, a worker and a server with its database.
type story struct {
	t                    *testing.T
	api                  api
	database             string
	config, workerConfig string
	server, worker       *process
	docs                 string
	mayEnd               string // a file without which no run of slow ends
}

func newStory(t *testing.T, database string) *story {
	s := &story{t: t, database: database, docs: goDocs(t), mayEnd: filepath.Join(t.TempDir(), "may-end")}
	site := httptest.NewServer(http.FileServer(http.Dir(s.docs)))
	t.Cleanup(site.Close)
	listen, workerListen := gatetest.FreeAddress(t), gatetest.FreeAddress(t)
	s.api = api{t, "http://" + listen}
	dir := t.TempDir()
	s.config = write(t, filepath.Join(dir, "scrapelog.yaml"), fmt.Sprintf(`listen: %s
database: %q
shutdown_grace: 1s
scrapers:
  - name: go-docs
    url: http://%[3]s/scrapes/go-docs
  - name: slow
    url: http://%[3]s/scrapes/slow
    recovery: {hold_down: 2s}
`, listen, database, workerListen))
	var platforms strings.Builder
	for name, file := range docs {
		fmt.Fprintf(&platforms, "        - {name: %s, start: %s/%s}\n", name, site.URL, file)
	}
	s.workerConfig = write(t, filepath.Join(dir, "worker.yaml"), fmt.Sprintf(`listen: %s
announce: http://%s/api/v1/announce
scrapes:
  - name: go-docs
    html:
      platforms:
%s      item: "h1[id], h2[id], h3[id], h4[id]"
      fields: {anchor: "@id"}
      output: %s
  - name: slow
    command: [sh, -c, "echo one; until test -e %s; do sleep 0.05; done; echo two"]
`, workerListen, listen, &platforms, filepath.Join(dir, "headings.ndjson"), s.mayEnd))
	return s
}

func (s *story) startWorker() { s.worker = start(s.t, "worker", "--config", s.workerConfig) }

func (s *story) startServer() {
	s.server = start(s.t, "serve", "--config", s.config)
	s.api.ready()
}

func (s *story) scrapesRealPages() {
	t := s.t
	done := s.api.ended(s.api.startRun("go-docs").ID, 30*time.Second)
	want := headings(t, s.docs)
	if done.Status != "completed" || done.Items == nil || *done.Items != want {
		t.Fatalf("scraping the Go documents ended as %+v, want completed with %d items", done, want)
	}
}

// losesAndRecovers kills the worker in the middle of a run and starts it again.
func (s *story) losesAndRecovers() {
	t := s.t
	lost := s.api.startRun("slow")
	await(t, 30*time.Second, "the command runs", func() bool { return strings.Contains(s.worker.out.String(), lost.ID) })
	cut := time.Now()
	s.worker.kill()
	run := s.api.ended(lost.ID, 30*time.Second)
	t.Logf("cut → connection_failed, seen through the API: %v", time.Since(cut).Round(time.Millisecond))
	if run.Status != "connection_failed" || run.Link != "scraper" || run.Phase != "streaming" || run.Cause != "truncated" && run.Cause != "reset" {
		t.Fatalf("the cut run ended as %+v", run)
	}

	write(t, s.mayEnd, "")
	s.startWorker()
	back := time.Now()
	await(t, 30*time.Second, "a new run recovers the lost one", func() bool { return s.api.run(lost.ID).RecoveredBy != "" })
	t.Logf("worker started → new run, seen through the API: %v", time.Since(back).Round(time.Millisecond))
	s.recoveredOnce(lost.ID)
}

// recoveredOnce checks the chain from a lost run to the one run that recovers it.
func (s *story) recoveredOnce(lost string) {
	t := s.t
	recovery := s.api.ended(s.api.run(lost).RecoveredBy, 30*time.Second)
	if recovery.Status != "completed" || recovery.Trigger != "recovery" || recovery.Recovers != lost {
		t.Fatalf("the recovery run ended as %+v", recovery)
	}
	count := map[string]int{}
	for _, e := range s.api.events() {
		switch {
		case e.Stream == "run-"+lost:
			count[e.Type]++
		case e.Data["recovers"] == lost:
			count["recovers"]++
		}
	}
	for _, kind := range []string{"run.started", "run.connection_lost", "run.connection_restored", "recovers"} {
		if count[kind] != 1 {
			t.Errorf("%d × %s for run %s, want exactly one", count[kind], kind, lost)
		}
	}
}

// survivesItsOwnDeath kills the server in the middle of a run.
func (s *story) survivesItsOwnDeath() {
	t := s.t
	s.mayNotEnd()
	orphan := s.api.startRun("slow")
	s.server.kill()
	write(t, s.mayEnd, "")
	s.startServer()
	run := s.api.ended(orphan.ID, 30*time.Second)
	if run.Status != "connection_failed" || run.Cause != "instance_lost" {
		t.Fatalf("the orphaned run ended as %+v", run)
	}
	await(t, 30*time.Second, "the orphaned run is recovered", func() bool { return s.api.run(orphan.ID).RecoveredBy != "" })
	s.recoveredOnce(orphan.ID)
	if open := s.api.runs("status=running"); len(open) != 0 {
		t.Errorf("left running: %+v", open)
	}
}

func (s *story) mayNotEnd() {
	s.t.Helper()
	if err := os.Remove(s.mayEnd); err != nil {
		s.t.Fatal(err)
	}
}

// stopsGracefully stops the server in the middle of a run, and the log can say so.
func (s *story) stopsGracefully() {
	t := s.t
	s.mayNotEnd()
	interrupted := s.api.startRun("slow")
	if code := s.server.stop(t); code != 0 {
		t.Fatalf("serve exits %d after an interrupt", code)
	}
	out, errs, code := command(t, "events", "list", "--db", s.database, "--run", interrupted.ID, "-o", "ndjson")
	if code != 0 || !strings.Contains(out, `"instance_stopped"`) {
		t.Errorf("events list exits %d: %s%s", code, out, errs)
	}
}

func write(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func goDocs(t *testing.T) string {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(strings.TrimSpace(string(root)), "doc")
}

// headings counts the headings with an anchor without any of the worker's code.
func headings(t *testing.T, dir string) int64 {
	t.Helper()
	var count int64
	for _, file := range docs {
		f, err := os.Open(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		z := html.NewTokenizer(f)
		for z.Next() != html.ErrorToken {
			token := z.Token()
			if token.Type != html.StartTagToken || len(token.Data) != 2 || token.Data[0] != 'h' || token.Data[1] < '1' || token.Data[1] > '4' {
				continue
			}
			for _, a := range token.Attr {
				if a.Key == "id" {
					count++
				}
			}
		}
		f.Close()
	}
	if count < 100 {
		t.Fatalf("only %d headings in %s", count, dir)
	}
	return count
}
