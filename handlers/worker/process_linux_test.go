package worker

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// escapes are ways in which a process leaves its parent's group, session, tree or
// environment, with %s for the program that does. Each comes from real programs:
// drivers of browsers, daemons, terminal multiplexers, sudo.
var escapes = map[string]string{
	"in the background":       `sh -c '%s' &`,
	"in its own session":      `setsid sh -c '%s' &`,
	"as an orphan":            `(setsid sh -c '%s' &)`,
	"with a double fork":      `setsid sh -c "setsid sh -c '%s' & exit" &`,
	"without environment":     `env -i PATH=$PATH setsid sh -c '%s' &`,
	"deaf to SIGTERM":         `setsid sh -c 'trap "" TERM HUP INT; %s' &`,
	"detached by Node":        `node -e 'require("child_process").spawn("sh",["-c",process.argv[1]],{detached:true,stdio:"ignore"}).unref()' '%s' &`,
	"as Python's new session": `python3 -c 'import subprocess,sys; subprocess.Popen(["sh","-c",sys.argv[1]],start_new_session=True)' '%s' &`,
}

// escapeNeeds names the program that a way needs beside a shell.
var escapeNeeds = map[string]string{"detached by Node": "Node.js", "as Python's new session": "Python"}

// escaping is a script that starts a process in that way, waits until its id is in
// the file, and goes on with then.
func escaping(how, file, then string) []string {
	left := fmt.Sprintf("echo $$ >%s.new; mv %s.new %s; while :; do sleep 1; done", file, file, file)
	return []string{"sh", "-c", fmt.Sprintf(escapes[how], left) + fmt.Sprintf("\nwhile [ ! -s %s ]; do sleep 0.01; done\n", file) + then}
}

func escaped(t *testing.T, file string) int {
	t.Helper()
	var pid int
	eventually(t, "the process says who it is", func() bool {
		text, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
		return err == nil
	})
	return pid
}

func TestNothingOutlivesAScrape(t *testing.T) {
	endings := map[string]struct {
		then string
		few  bool // tried with some escapes only
		end  func(t *testing.T, base string, leave, stop func())
	}{
		"that completes":      {"echo done", false, nil},
		"that fails":          {"exit 3", true, nil},
		"that is killed":      {"kill -9 $$", true, nil},
		"whose client leaves": {"sleep 1000", false, func(_ *testing.T, _ string, leave, _ func()) { leave() }},
		"that is taken over": {"[ $SCRAPELOG_RUN_ID = r2 ] || sleep 1000", true, func(t *testing.T, base string, _, _ func()) {
			post(t, base+"/scrapes/job", Order{RunID: "r2", Recovers: "r1"})
		}},
		"whose worker stops":     {"sleep 1000", true, func(_ *testing.T, _ string, _, stop func()) { stop() }},
		"whose guard is killed":  {"kill -9 $PPID; sleep 1000", true, nil},
		"whose guard is stopped": {"kill -TERM $PPID; sleep 1000", true, nil},
	}
	for how := range escapes {
		for ending, tt := range endings {
			if tt.few && how != "as an orphan" && how != "detached by Node" {
				continue
			}
			t.Run(how+", of a scrape "+ending, func(t *testing.T) {
				if needs := escapeNeeds[how]; needs != "" && testing.Short() {
					t.Skipf("needs %s; make test runs it", needs)
				}
				t.Parallel()
				file := filepath.Join(t.TempDir(), "pid")
				base, stop := serve(t, commandConfig(escaping(how, file, tt.then)...))
				_, leave := post(t, base+"/scrapes/job", Order{RunID: "r1"})
				pid := escaped(t, file)
				if tt.end != nil {
					tt.end(t, base, leave, stop)
				}
				eventually(t, "it is gone", func() bool { return !runs(pid) })
			})
		}
	}
}

// The end of one scrape is not the end of another's processes.
func TestAScrapeEndsItsOwnProcessesOnly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	cfg := commandConfig(escaping("as an orphan", file, "sleep 1000")...)
	cfg.Scrapes = append(cfg.Scrapes, Scrape{Name: "other", Command: []string{"sh", "-c", "setsid sleep 1000 & echo done"}})
	base, _ := serve(t, cfg)
	_, leave := post(t, base+"/scrapes/job", Order{RunID: "r1"})
	pid := escaped(t, file)
	for range 3 {
		resp, _ := post(t, base+"/scrapes/other", Order{RunID: "r2"})
		if kind, data, _ := outcome(t, resp); kind != "completed" {
			t.Errorf("%s %s", kind, data)
		}
	}
	if !runs(pid) {
		t.Error("a process of the scrape that runs was ended")
	}
	leave()
	eventually(t, "it is gone", func() bool { return !runs(pid) })
}

// Beside a scrape that completes, what holds its output open must neither keep it
// waiting nor cut what was printed.
func TestADetachedProcessDoesNotHoldTheScrape(t *testing.T) {
	base, _ := serve(t, commandConfig("sh", "-c", "setsid sh -c 'while :; do sleep 1; done' & seq 1 1000"))
	started := time.Now()
	resp, _ := post(t, base+"/scrapes/job", Order{RunID: "r1"})
	if kind, data, _ := outcome(t, resp); kind != "completed" || data != `{"items":1000}` || time.Since(started) >= outputGrace {
		t.Errorf("%s %s after %s", kind, data, time.Since(started))
	}
}

func TestAGuardThatIsKilledIsSaid(t *testing.T) {
	base, _ := serve(t, commandConfig("sh", "-c", "echo row; kill -9 $PPID; sleep 1000"))
	resp, _ := post(t, base+"/scrapes/job", Order{RunID: "r1"})
	if kind, data, _ := outcome(t, resp); kind != "failed" || data != `{"error":"the guard process of the scrape was killed"}` {
		t.Errorf("%s %s", kind, data)
	}
}

// A mark is believed only where its guard cannot be alive: the same process id may
// be in use again, or be another namespace's.
func TestOnlyTheForsakenAreKilled(t *testing.T) {
	own := guardID(os.Getpid())
	namespace, rest, _ := strings.Cut(own, ":")
	tests := map[string]struct {
		mark string
		want bool
	}{
		"its guard lives":               {own, false},
		"another guard had that id":     {own + "0", true},
		"a guard that has ended":        {namespace + ":2000000000:1", true},
		"another namespace's guard":     {"1:" + rest, false},
		"a mark that is none":           {"canary", false},
		"a mark that is empty":          {"", false},
		"a guard that is no process id": {namespace + ":x:1", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			program, err := startBare(t, guardMark+"="+tt.mark)
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "it carries its mark", func() bool {
				environ, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(program), "environ"))
				return strings.Contains(string(environ), guardMark)
			})
			if got := forsaken(program); got != tt.want {
				t.Errorf("forsaken: %t, want %t", got, tt.want)
			}
		})
	}
}

// startBare starts a process outside of any scrape, until the test ends.
func startBare(t *testing.T, env string) (pid int, err error) {
	process, err := os.StartProcess("/bin/sleep", []string{"sleep", "1000"}, &os.ProcAttr{Env: []string{env}, Sys: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}})
	if err != nil {
		return 0, err
	}
	t.Cleanup(func() {
		_ = process.Kill()
		_, _ = process.Wait()
	})
	return process.Pid, nil
}
