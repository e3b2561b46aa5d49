//go:build unix

package main_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// watchers records the heartbeats of servers. Each server has its own path.
type watchers struct {
	*httptest.Server
	mu    sync.Mutex
	heard map[string][]time.Time
}

func newWatchers(t *testing.T) *watchers {
	t.Helper()
	w := &watchers{heard: map[string][]time.Time{}}
	w.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if r.Method != http.MethodGet {
			t.Errorf("a heartbeat by %s", r.Method)
		}
		w.heard[r.URL.Path] = append(w.heard[r.URL.Path], time.Now())
	}))
	t.Cleanup(w.Server.Close)
	return w
}

// since counts the beats at a path after an instant.
func (w *watchers) since(path string, at time.Time) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, beat := range w.heard[path] {
		if beat.After(at) {
			n++
		}
	}
	return n
}

const beatInterval = 2 * time.Second

// patient is a server with a heartbeat, and what is done to it.
type patient struct {
	api
	*process
	serve func() *process
	file  string // the database, where it is one
	admin string // the URL of the database for a superuser, where there is one
}

var illnesses = map[string]struct {
	postgres      bool
	befalls, ends func(t *testing.T, p *patient)
}{
	"killed": {false, func(_ *testing.T, p *patient) { p.kill() }, func(_ *testing.T, p *patient) { p.process = p.serve() }},
	"stopped": {false,
		func(t *testing.T, p *patient) { p.signal(t, syscall.SIGSTOP) },
		func(t *testing.T, p *patient) { p.signal(t, syscall.SIGCONT) }},
	"its file is away": {false,
		func(t *testing.T, p *patient) { rename(t, p.file, p.file+".away") },
		func(t *testing.T, p *patient) { rename(t, p.file+".away", p.file) }},
	"its server is away": {true,
		func(t *testing.T, p *patient) { limit(t, p.admin, 0) },
		func(t *testing.T, p *patient) { limit(t, p.admin, -1) }},
}

func (p *patient) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Error(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Error(err)
	}
}

// TestTheHeartbeatStopsWithTheWork: a server that is killed, stopped or without its
// database sends no beat from one interval later on, and beats again when it is well.
func TestTheHeartbeatStopsWithTheWork(t *testing.T) {
	t.Parallel()
	w := newWatchers(t)
	for name, illness := range illnesses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			setenv(t, beatVariable(name), w.URL+beatPath(name))
			p := newPatient(t, name, illness.postgres)
			beats := func(since time.Time) func() bool {
				return func() bool { return w.since(beatPath(name), since) >= 2 }
			}
			await(t, 30*time.Second, "two beats", beats(time.Time{}))
			illness.befalls(t, p)
			since := time.Now()
			<-time.After(4 * beatInterval) // nothing says that no beat comes
			if late := w.since(beatPath(name), since.Add(beatInterval)); late > 0 {
				t.Errorf("%d beats came later than %v after that", late, beatInterval)
			}
			illness.ends(t, p)
			await(t, 30*time.Second, "two beats again", beats(time.Now()))
		})
	}
}

func beatPath(name string) string { return "/" + strings.ReplaceAll(name, " ", "-") }

func beatVariable(name string) string {
	return "HEART_" + strings.ToUpper(strings.ReplaceAll(name, " ", "_"))
}

func newPatient(t *testing.T, name string, postgres bool) *patient {
	t.Helper()
	p := &patient{file: filepath.Join(t.TempDir(), "log.db")}
	database := "sqlite:" + p.file
	if postgres {
		eventstoretest.NeedsPostgres(t)
		p.admin, database = limitedDatabase(t)
	}
	listen := gatetest.FreeAddress(t)
	config := write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"),
		fmt.Sprintf("listen: %s\nheartbeat: {url_env: %s, interval: %s}\n", listen, beatVariable(name), beatInterval))
	p.api = api{t, "http://" + listen}
	p.serve = func() *process { return start(t, "serve", "--config", config, "--db", database) }
	p.process = p.serve()
	return p
}
