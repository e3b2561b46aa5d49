package main_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"scrapelog/handlers/gate/gatetest"
)

// TestOurOwnShortageLosesNoRun: sixty runs at once in a process that may open 64
// files wait for one another. None is lost, and none is said to be the scraper's fault.
func TestOurOwnShortageLosesNoRun(t *testing.T) {
	const runs = 60
	var mu sync.Mutex
	open, peak := 0, 0
	scraper := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		mu.Lock()
		open++
		peak = max(peak, open)
		mu.Unlock()
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
		<-time.After(2 * time.Second)
		mu.Lock()
		open--
		mu.Unlock()
		_, _ = io.WriteString(w, "event: completed\ndata: {\"items\":1}\n\n")
	}))
	defer scraper.Close()

	dir := t.TempDir()
	var config strings.Builder
	config.WriteString("scrapers:\n")
	for i := range runs {
		fmt.Fprintf(&config, "  - {name: s%d, url: '%s', start_timeout: 1m}\n", i, scraper.URL)
	}
	address := gatetest.FreeAddress(t)
	cmd := exec.Command("sh", "-c", `ulimit -n 64; exec "$0" "$@"`, binary, "serve", "--listen", address,
		"--config", write(t, filepath.Join(dir, "c.yaml"), config.String()), "--db", "sqlite:"+filepath.Join(dir, "log.db"))
	out := &output{}
	cmd.Stdout, cmd.Stderr, cmd.Dir = out, out, dir
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+dir, "NO_COLOR=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })

	a := api{t, "http://" + address}
	a.ready()
	for i := range runs {
		// The database needs descriptors too: a start may be answered 503, and then is
		// asked for again.
		await(t, time.Minute, "a run starts", func() bool {
			return a.do("POST", fmt.Sprintf("/api/v1/scrapers/s%d/runs", i), "{}", nil) == http.StatusCreated
		})
	}
	await(t, time.Minute, "every run has ended", func() bool { return len(a.runs("status=running")) == 0 })
	if done := len(a.runs("status=completed")); done != runs {
		t.Errorf("%d of %d runs completed:\n%s", done, runs, out.end())
	}
	if peak >= runs {
		t.Errorf("all %d runs were open at once: there was no shortage", peak)
	}
	t.Logf("%d runs, at most %d open at once", runs, peak)
}
