package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// TestCommandsAgainstAServer plays what people do at the command line, with a
// server in this process and a scraper that waits to be told how a run ends.
func TestCommandsAgainstAServer(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		scraper := newScraper(t)
		stop := startServer(t, db.URL, scraper.URL)

		expect(t, 0, "shop  @daily", "scrapers", "list")
		expect(t, 0, "", "scrapers", "next", "shop", "-n", "5")
		scraper.end <- "event: completed\ndata: {\"items\":7}\n\n"
		expect(t, 0, "completed\n", "runs", "start", "shop", "--wait", "-o", "ndjson", "--jq", ".status")
		scraper.end <- "event: failed\ndata: {\"error\":\"no\"}\n\n"
		expect(t, 1, "failed\n", "runs", "start", "shop", "--attach", "-o", "ndjson", "--jq", ".status")

		id := strings.TrimSpace(expect(t, 0, "", "runs", "start", "shop", "--jq", ".id"))
		expect(t, 6, "", "runs", "start", "shop")
		expect(t, 124, "", "runs", "watch", id, "--timeout", "100ms")
		expect(t, 0, "cancelled\n", "runs", "cancel", id, "--jq", ".status")
		expect(t, 1, "cancelled\n", "runs", "watch", id, "--jq", ".status")
		expect(t, 0, "paused         yes\n", "scrapers", "pause", "shop", "--reason", "rest")
		expect(t, 6, "", "runs", "start", "shop")
		expect(t, 1, "", "scrapers", "next", "shop")
		expect(t, 0, "name           shop\n", "scrapers", "resume", "shop")
		expect(t, 3, "", "runs", "start", "nope")
		expect(t, 0, "cancelled\nfailed\ncompleted\n", "runs", "list", "-o", "ndjson", "--jq", ".status")

		expect(t, 0, "run.cancelled\n", "events", "list", "--run", id, "--type", "!*started", "--jq", ".[].type")
		expect(t, 0, "runs\nscrapers\n", "projections", "list", "-o", "ndjson", "--jq", ".name")
		expect(t, 0, "1\n", "db", "status", "--jq", ".instances | length")
		expect(t, 6, "", "projections", "rebuild", "runs")
		expect(t, 4, "", "serve") // the port is busy
		if code := stop(); code != 0 {
			t.Errorf("serve: exit %d", code)
		}
		expect(t, 4, "", "runs", "list")
		expect(t, 0, "name      runs\n", "projections", "rebuild", "runs")
	})
}

func expect(t *testing.T, code int, contains string, args ...string) (stdout string) {
	t.Helper()
	stdout, stderr, got := invoke(t, args...)
	if got != code || !strings.Contains(stdout, contains) || (code == 0) != (stderr == "" || strings.Contains(stderr, " of ")) {
		t.Errorf("%s: exit %d, want %d; stderr %q, stdout %q", strings.Join(args, " "), got, code, stderr, stdout)
	}
	return stdout
}

// scraper is one that ends each run with what it is told to.
type scraper struct {
	*httptest.Server
	end chan string
}

func newScraper(t *testing.T) *scraper {
	t.Helper()
	s := &scraper{end: make(chan string, 1)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
		case end := <-s.end:
			_, _ = io.WriteString(w, end)
		}
	}))
	t.Cleanup(s.Server.Close)
	return s
}

// startServer serves in this process until stop, which returns the exit code,
// and makes it the server and the database of the commands to come.
func startServer(t *testing.T, database, scraperURL string) (stop func() int) {
	t.Helper()
	dir := t.TempDir()
	address := gatetest.FreeAddress(t)
	config := filepath.Join(dir, "scrapelog.yaml")
	source := fmt.Sprintf("listen: %s\ndatabase: %q\nscrapers:\n  - {name: shop, url: %s, schedule: \"@daily\"}\n", address, database, scraperURL)
	if err := os.WriteFile(config, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_STATE_HOME", dir)
	t.Setenv("SCRAPELOG_CONFIG", config)
	t.Setenv("SCRAPELOG_SERVER", "http://"+address)
	stop = serveHere(t, address)
	awaitOK(t, "http://"+address+"/api/v1/scrapers/shop") // read models follow the log
	return stop
}

// serveHere serves what the environment configures at an address.
func serveHere(t *testing.T, address string) (stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	logs, code := &lockedBuffer{}, make(chan int, 1)
	go func() { code <- run(ctx, []string{"serve"}, strings.NewReader(""), logs, logs) }()
	stop = sync.OnceValue(func() int { cancel(); return <-code })
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Log(logs)
		}
	})
	awaitOK(t, "http://"+address+"/readyz")
	return stop
}

func awaitOK(t *testing.T, url string) {
	t.Helper()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-poll.C {
		response, err := http.Get(url)
		if err != nil {
			continue
		}
		_ = response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return
		}
	}
	t.Fatalf("%s is not 200", url)
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
