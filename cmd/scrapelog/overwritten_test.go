package main_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scrapelog/handlers/gate/gatetest"
)

// TestAnOlderCopyOverTheLiveFile: a person restores a copy into a file that is being
// served. Either nothing is lost, or it is told.
func TestAnOlderCopyOverTheLiveFile(t *testing.T) {
	t.Parallel()
	for name, between := range map[string]int{"the write-ahead log has everything since": 5, "much was written back since": 400} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log.db")
			listen := gatetest.FreeAddress(t)
			a := api{t, "http://" + listen}
			server := start(t, "serve", "--db", "sqlite:"+path, "--listen", listen)
			a.ready()
			accepted := 0
			put := func(n int) {
				for range n {
					body := fmt.Sprintf(`{"url":"http://127.0.0.1:9/x","params":{"x":%q}}`, strings.Repeat("x", 15_000))
					if a.do("PUT", fmt.Sprintf("/api/v1/scrapers/s-%d", accepted), body, nil) != http.StatusCreated {
						return // it is not acknowledged, so it may be missing
					}
					accepted++
				}
			}
			put(5)
			older, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			put(between)
			live, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0) // as cp does
			if err != nil {
				t.Fatal(err)
			}
			if _, err := live.Write(older); err != nil {
				t.Fatal(err)
			}
			if err := live.Close(); err != nil {
				t.Fatal(err)
			}
			put(5)
			told, tick := false, time.NewTicker(200*time.Millisecond)
			defer tick.Stop()
			for deadline := time.Now().Add(12 * time.Second); !told && time.Now().Before(deadline); <-tick.C {
				told = a.do("GET", "/readyz", "", nil) != http.StatusOK
			}
			server.kill()
			verdict, code := inspected(t, path, "events", "verify")
			events, _ := inspected(t, path, "events", "list", "-o", "ndjson")
			have := strings.Count(events, "\n")
			t.Logf("%d of %d acknowledged events, not ready: %t, verify: exit %d", have, accepted, told, code)
			if have < accepted && (!told || code == 0) {
				t.Errorf("acknowledged events are missing, and nothing says so: %s", verdict)
			}
		})
	}
}

// inspected runs a command on a file, with the keys of the test's servers.
func inspected(t *testing.T, path string, args ...string) (stdout string, code int) {
	t.Helper()
	command := exec.Command(binary, append(args, "--db", "sqlite:"+path)...)
	command.Env = append(os.Environ(), "XDG_STATE_HOME="+stateHome(t))
	out, err := command.Output()
	if exited := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exited) {
		t.Fatal(err)
	}
	return string(out), command.ProcessState.ExitCode()
}
