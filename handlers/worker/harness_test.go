package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gosse "github.com/tmaxmax/go-sse"

	"scrapelog/domain"
)

const patience = 60 * time.Second

// serve runs a worker on a socket of its own until the test ends, or stop is
// called, which waits for it.
func serve(t *testing.T, cfg Config) (base string, stop func()) {
	t.Helper()
	cfg.Listen = "127.0.0.1:0"
	if cfg.Beat == 0 {
		cfg.Beat = domain.Duration(time.Second)
	}
	w, err := New(cfg, slog.New(slog.NewTextHandler(testWriter{t}, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ln, err := w.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, w, ln)
}

func serveOn(t *testing.T, w *Worker, ln net.Listener) (base string, stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- w.Serve(ctx, ln) }()
	stop = func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
		served <- nil
	}
	t.Cleanup(stop)
	return "http://" + ln.Addr().String(), stop
}

// testWriter sends the worker's log to the test's.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", bytes.TrimSpace(p))
	return len(p), nil
}

// post asks for a scrape. The client leaves when leave is called.
func post(t *testing.T, url string, order Order) (resp *http.Response, leave func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	body, _ := json.Marshal(order)
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("POST %s: %v", url, err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp, cancel
}

// events reads the stream to its end.
func events(t *testing.T, resp *http.Response) (all []gosse.Event, end error) {
	t.Helper()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(resp.Body)
		t.Fatalf("answered %s: %s", resp.Status, body)
	}
	for event, err := range gosse.Read(resp.Body, nil) {
		if err != nil {
			return all, err
		}
		all = append(all, event)
	}
	return all, nil
}

// outcome is the terminal event of a scrape, and what came before it but beats: how many
// of them come is for the machine to say.
func outcome(t *testing.T, resp *http.Response) (kind, data string, before []gosse.Event) {
	t.Helper()
	all, err := events(t, resp)
	if err != nil || len(all) == 0 {
		t.Fatalf("stream ended with %v after %d events", err, len(all))
	}
	last := all[len(all)-1]
	before = slices.DeleteFunc(all[:len(all)-1], func(e gosse.Event) bool { return e.Type == "beat" })
	return last.Type, last.Data, before
}

// await returns the first event of the kind, and leaves the stream open.
func await(t *testing.T, resp *http.Response, kind string) string {
	t.Helper()
	for event, err := range gosse.Read(resp.Body, nil) {
		if err != nil {
			t.Fatalf("waiting for %q: %v", kind, err)
		}
		if event.Type == kind {
			return event.Data
		}
	}
	t.Fatalf("stream ended before %q", kind)
	return ""
}

// commandConfig is a worker of one command. Its guard, which is this test binary, sees
// GORACE: under the race detector a process otherwise waits a second before it ends.
func commandConfig(argv ...string) Config {
	return Config{Scrapes: []Scrape{{Name: "job", Command: argv, Env: []string{"GORACE"}}}}
}

// eventually polls until ok, and fails the test when that takes too long.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience)
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not in time: %s", what)
		case <-poll.C:
		}
	}
}

// runs reports whether a process still executes. One that is dead and only waits to
// be reaped does not.
func runs(pid int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

// pidIn is the process id that a command printed as its line.
func pidIn(t *testing.T, progress string) int {
	t.Helper()
	var p lineProgress
	if err := json.Unmarshal([]byte(progress), &p); err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(p.Line)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}
