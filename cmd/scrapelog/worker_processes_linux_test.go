package main_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"scrapelog/handlers/gate/gatetest"
)

// A scrape that starts what drivers of browsers start: a detached process of Node,
// and an orphan in a session of its own. It prints a row when both say who they are.
const detaches = `listen: %[1]s
beat: 1s
scrapes:
  - name: browser
    command:
      - sh
      - -c
      - |
        stays='echo $$ >$0.new; mv $0.new $0; while :; do sleep 1; done'
        node -e 'require("child_process").spawn("sh",["-c",process.argv[1],process.argv[2]],{detached:true,stdio:"ignore"}).unref()' "$stays" %[2]s/node
        (setsid sh -c "$stays" %[2]s/orphan &)
        while [ ! -s %[2]s/node ] || [ ! -s %[2]s/orphan ]; do sleep 0.01; done
        echo row
        sleep 1000
  - name: short
    command: [sh, -c, "setsid sleep 0.2 & echo row"]
`

// order asks the worker for a scrape, and returns when the stream has said until.
func order(t *testing.T, listen, scrape, run, until string) {
	t.Helper()
	body := strings.NewReader(`{"run_id":"` + run + `","scraper":"` + scrape + `"}`)
	resp, err := http.Post("http://"+listen+"/scrapes/"+scrape, "application/json", body)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	for said, buf := "", make([]byte, 4096); !strings.Contains(said, until); {
		n, err := resp.Body.Read(buf)
		if said += string(buf[:n]); err != nil && !strings.Contains(said, until) {
			t.Fatalf("answered %s %q: %v", resp.Status, said, err)
		}
	}
}

// stream asks the worker for a scrape, and returns all that it says.
func stream(t *testing.T, listen, scrape string) string {
	resp, err := http.Post("http://"+listen+"/scrapes/"+scrape, "application/json", strings.NewReader(`{"run_id":"r1"}`))
	if err != nil {
		t.Error(err)
		return ""
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return string(said)
}

func listens(t *testing.T, listen string) {
	t.Helper()
	await(t, 30*time.Second, "the worker answers", func() bool {
		resp, err := http.Get("http://" + listen + "/healthz")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
}

// pidFrom reads what a process has written about itself, and ends it with the test.
func pidFrom(t *testing.T, path string) int {
	t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(read(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	return pid
}

// procStat is the state of a process and its parent; '-' when it is gone.
func procStat(pid int) (state byte, parent int) {
	return readStat(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
}

func readStat(path string) (state byte, parent int) {
	text, err := os.ReadFile(path)
	if err != nil {
		return '-', 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	parent, _ = strconv.Atoi(fields[1])
	return fields[0][0], parent
}

// procName is what ps calls a process.
func procName(pid int) string {
	name, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	return strings.TrimSpace(string(name))
}

func isRunning(pid int) bool {
	state, _ := procStat(pid)
	return state != '-' && state != 'Z' && state != 'X'
}

// stands is true once all threads of a process are stopped: until then one of them may
// still see what happens, and act.
func stands(t *testing.T, pid int) bool {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/[0-9]*/stat", pid))
	if err != nil || len(threads) == 0 {
		t.Fatalf("process %d has no threads: %v", pid, err)
	}
	return !slices.ContainsFunc(threads, func(path string) bool {
		state, _ := readStat(path)
		return state != 'T'
	})
}

// below lists the descendants of a process.
func below(t *testing.T, ancestor int) (pids []int) {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		pid, _ := strconv.Atoi(filepath.Base(name))
		for _, up := procStat(pid); up > 1; _, up = procStat(up) {
			if up == ancestor {
				pids = append(pids, pid)
				break
			}
		}
	}
	return pids
}

func TestNothingOutlivesAKilledWorker(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Node.js; make test runs it")
	}
	dir, listen := t.TempDir(), gatetest.FreeAddress(t)
	worker := start(t, "worker", "--config", write(t, filepath.Join(dir, "worker.yaml"), fmt.Sprintf(detaches, listen, dir)))
	listens(t, listen)
	order(t, listen, "browser", "r1", `"line":"row"`)
	left := []int{pidFrom(t, filepath.Join(dir, "node")), pidFrom(t, filepath.Join(dir, "orphan"))}
	worker.kill()
	for _, pid := range left {
		await(t, 30*time.Second, "what the scrape has started is gone", func() bool { return !isRunning(pid) })
	}
}

// Only when its guard is killed too does a process of a scrape stay; the next worker
// ends it before a server can see it and start a scrape beside it.
func TestWhatAKilledGuardLeftIsEndedByTheNextWorker(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Node.js; make test runs it")
	}
	dir, listen := t.TempDir(), gatetest.FreeAddress(t)
	config := write(t, filepath.Join(dir, "worker.yaml"), fmt.Sprintf(detaches, listen, dir))
	worker := start(t, "worker", "--config", config)
	listens(t, listen)
	order(t, listen, "browser", "r1", `"line":"row"`)
	left := []int{pidFrom(t, filepath.Join(dir, "node")), pidFrom(t, filepath.Join(dir, "orphan"))}
	_, guard := procStat(left[1])
	if err := syscall.Kill(guard, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	await(t, 30*time.Second, "every thread of the guard stands", func() bool { return stands(t, guard) })
	worker.kill()
	if err := syscall.Kill(guard, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for _, pid := range left {
		if !isRunning(pid) {
			t.Fatal("nothing is left for the next worker to end")
		}
	}
	next := start(t, "worker", "--config", config)
	listens(t, listen)
	for _, pid := range left {
		if isRunning(pid) {
			t.Error("the next worker answers while a process of the lost scrape runs")
		}
	}
	await(t, 30*time.Second, "the worker says so", func() bool {
		return strings.Contains(next.out.String(), "killed processes of an earlier worker's scrapes")
	})
}

// As the first process of a container the worker inherits every orphan there, its
// scrapes' or not, and must take note of their end.
func TestTheFirstProcessOfAContainerLeavesNoZombies(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a PID namespace; make test runs it")
	}
	if out, err := exec.Command("unshare", "-pf", "--mount-proc", "true").CombinedOutput(); err != nil {
		t.Skipf("no PID namespace may be made here: %v %s", err, out)
	}
	dir, listen := t.TempDir(), gatetest.FreeAddress(t)
	config := write(t, filepath.Join(dir, "worker.yaml"), fmt.Sprintf(detaches, listen, dir))
	printed := &output{}
	container := exec.Command("unshare", "-pf", "--mount-proc", "--kill-child", binary, "worker", "--config", config)
	container.Stdout, container.Stderr = printed, printed
	if err := container.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = container.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = container.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("the worker printed:\n%s", printed)
		}
	})
	listens(t, listen)
	for n := range 5 {
		order(t, listen, "short", fmt.Sprintf("r%d", n), "event: completed")
	}
	all := below(t, container.Process.Pid)
	first := all[slices.IndexFunc(all, func(pid int) bool { _, up := procStat(pid); return up == container.Process.Pid })]
	for range 5 {
		enter := exec.Command("nsenter", "-t", strconv.Itoa(first), "-p", "-m", "sh", "-c", "(sleep 0.2 &)")
		if out, err := enter.CombinedOutput(); err != nil {
			t.Fatalf("nsenter: %v %s", err, out)
		}
	}
	await(t, 30*time.Second, "the worker is alone in its container", func() bool { return len(below(t, first)) == 0 })
	order(t, listen, "short", "last", "event: completed") // os/exec's own waits were not taken from it
}
