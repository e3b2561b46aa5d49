package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
)

// binary is the program under test, built as it is shipped.
var binary string

// binaryVariable names one that is built already: tests that start themselves
// anew need no second one.
const binaryVariable = "SCRAPELOG_TEST_BINARY"

func TestMain(m *testing.M) { os.Exit(build(m)) }

// atOnce is how many tests run beside each other. They wait for processes most of the
// time: their number has little to do with that of the processors.
const atOnce = "5"

// build makes the binary, runs the tests, and leaves nothing behind.
func build(m *testing.M) int {
	flag.Parse()
	if given := flag.Lookup("test.parallel"); given.Value.String() == given.DefValue {
		_ = flag.Set("test.parallel", atOnce)
	}
	if os.Getenv(crowdVariable) != "" {
		return serveCrowd()
	}
	if binary = os.Getenv(binaryVariable); binary != "" {
		return eventstoretest.Main(m)
	}
	dir, err := os.MkdirTemp("", "scrapelog-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "scrapelog")
	cmd := exec.Command("go", "build", "-trimpath", "-tags", "grpcnotrace", "-gcflags", "scrapelog/handlers/web/pages=-l", "-o", binary, ".") // as make build
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return eventstoretest.Main(m)
}

// process is a running scrapelog. Its output is shown when the test fails.
type process struct {
	*exec.Cmd
	out  *output
	done chan struct{} // closed when it has ended
	err  error         // how it ended; read after done
}

// output is what a process has printed so far.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// end is the last of it, without what ten thousand scrapers printed before.
func (o *output) end() string {
	const enough = 64 << 10
	text := o.String()
	return text[max(0, len(text)-enough):]
}

func start(t testing.TB, args ...string) *process {
	t.Helper()
	return launch(t, exec.Command(binary, args...), args...)
}

// startUnder starts scrapelog where it may open so many descriptors.
func startUnder(t testing.TB, descriptors int, args ...string) *process {
	t.Helper()
	limited := []string{"-c", fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, descriptors), binary}
	return launch(t, exec.Command("sh", append(limited, args...)...), args...)
}

// stateHomes are where the processes of a test keep their keys: together, as on one
// machine.
var stateHomes sync.Map

func stateHome(t testing.TB) string {
	t.Helper()
	if home, ok := stateHomes.Load(t); ok {
		return home.(string)
	}
	home := t.TempDir()
	stateHomes.Store(t, home)
	return home
}

// variables are those that the processes of a test have and the test itself has not: it
// may run beside others.
var variables sync.Map

func setenv(t testing.TB, name, value string) {
	t.Helper()
	variables.Store(t, append(environment(t), name+"="+value))
}

func environment(t testing.TB) []string {
	t.Helper()
	set, _ := variables.Load(t)
	all, _ := set.([]string)
	return all
}

func launch(t testing.TB, command *exec.Cmd, args ...string) *process {
	t.Helper()
	p := &process{Cmd: command, out: &output{}, done: make(chan struct{})}
	p.Stdout, p.Stderr = p.out, p.out
	p.Dir = t.TempDir()
	p.Env = append(os.Environ(), append(environment(t), "XDG_STATE_HOME="+stateHome(t), "NO_COLOR=1")...)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("scrapelog %s printed:\n%s", strings.Join(args, " "), p.out.end())
		}
	})
	return p
}

// kill is kill -9, and waits until the process is gone.
func (p *process) kill() {
	_ = p.Process.Kill() // it may have ended already
	<-p.done
}

// stop asks the process to end and returns its exit code.
func (p *process) stop(t *testing.T) int {
	t.Helper()
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(time.Minute):
		t.Fatal("it does not stop")
	}
	return p.ProcessState.ExitCode()
}

// command runs scrapelog to its end.
func command(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return commandAt(t, os.Getenv("XDG_STATE_HOME"), args...)
}

// commandAt is command where the keys of servers are in home; see stateHome.
func commandAt(t *testing.T, home string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = append(os.Environ(), append(environment(t), "XDG_STATE_HOME="+home, "NO_COLOR=1")...)
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// await polls until what holds, and fails with why when it never does.
func await(t testing.TB, within time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", within, what)
		}
		<-tick.C
	}
}

// api speaks to a server as any client would.
type api struct {
	t    testing.TB
	base string
}

func (a api) do(method, path, body string, into any) int {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.base+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return 0
	}
	if into != nil && res.StatusCode < 300 {
		if err := json.Unmarshal(data, into); err != nil {
			a.t.Fatalf("%s %s: %v in %s", method, path, err, data)
		}
	}
	return res.StatusCode
}

func (a api) ready() {
	a.t.Helper()
	await(a.t, time.Minute, a.base+" is ready", func() bool { return a.do("GET", "/readyz", "", nil) == 200 })
}

// run is a run as the API tells it.
type run struct {
	ID, Scraper, Status, Trigger, Watcher, Link, Cause, Phase, Code, Detail, Recovers, Instance string
	RecoveredBy                                                                                 string `json:"recovered_by"`
	LastEvent                                                                                   string `json:"last_event"`
	Note                                                                                        string
	Items                                                                                       *int64
	StartedAt                                                                                   time.Time `json:"started_at"`
	EndedAt                                                                                     time.Time `json:"ended_at"`
	Position                                                                                    int64
}

func (a api) startRun(scraper string) run {
	a.t.Helper()
	var r run
	if code := a.do("POST", "/api/v1/scrapers/"+scraper+"/runs", "", &r); code != 201 {
		a.t.Fatalf("starting %s: %d", scraper, code)
	}
	return r
}

func (a api) run(id string) run {
	a.t.Helper()
	var r run
	a.ask("/api/v1/runs/"+id, &r)
	return r
}

func (a api) runs(query string) []run {
	a.t.Helper()
	var page struct{ Runs []run }
	a.ask("/api/v1/runs?limit=500&"+query, &page)
	return page.Runs
}

// ask reads once the database is there: a server whose connections were ended answers
// 503 until it has noticed that of each.
func (a api) ask(path string, answer any) {
	a.t.Helper()
	await(a.t, 30*time.Second, path+" can be read", func() bool { return a.do("GET", path, "", answer) != 503 })
}

// ended waits for the end of a run.
func (a api) ended(id string, within time.Duration) run {
	a.t.Helper()
	var r run
	await(a.t, within, "run "+id+" has ended", func() bool { r = a.run(id); return r.Status != "" && r.Status != "running" })
	return r
}

// event is an event of the log as the API tells it.
type event struct {
	Position   int64
	Stream     string
	Version    int64
	ID, Type   string
	RecordedAt time.Time `json:"recorded_at"`
	Data       map[string]any
	Metadata   map[string]string
}

// events is the whole log, page by page.
func (a api) events() []event {
	a.t.Helper()
	var all []event
	for {
		var page struct{ Events []event }
		after := int64(0)
		if len(all) > 0 {
			after = all[len(all)-1].Position
		}
		if code := a.do("GET", fmt.Sprintf("/api/v1/events?limit=500&after=%d", after), "", &page); code != 200 {
			a.t.Fatalf("events: %d", code)
		}
		if len(page.Events) == 0 {
			return all
		}
		all = append(all, page.Events...)
	}
}
