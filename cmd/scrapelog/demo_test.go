package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"scrapelog/handlers/gate/gatetest"
)

// TestTheDemo has the demo break itself, after a second start, and stops it in both ways:
// asked to, and killed. TestReadme does what the demo tells people to try.
func TestTheDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("needs 15 seconds for the shops; make test runs it")
	}
	t.Parallel()
	data, listen := filepath.Join(t.TempDir(), "data"), gatetest.FreeAddress(t)
	api := api{t, "http://" + listen}
	demo := start(t, "demo", "--data", data, "--listen", listen)
	worker := workerIn(t, demo, `worker   process (\d+)`)
	files := configFiles(t, data)
	first := api.startRun("new-arrivals").ID
	if got := api.ended(first, time.Minute); got.Status != "completed" || *got.Items != 18 {
		t.Errorf("new-arrivals ended as %+v", got)
	}
	onlyOneDemoIn(t, data, listen)
	if code := demo.stop(t); code != 0 || executes(worker) {
		t.Errorf("exit code %d, the worker is left behind: %t", code, executes(worker))
	}

	again := start(t, "demo", "--data", data, "--listen", listen, "--break")
	broken := workerIn(t, again, `worker   process (\d+)`)
	if now := configFiles(t, data); now != files {
		t.Errorf("a second start runs on\n%s\nand not on\n%s", now, files)
	}
	if api.run(first).Status != "completed" {
		t.Error("a second start does not go on from the first")
	}
	api.do("POST", "/api/v1/scrapers/full-catalogue/runs", "{}", nil) // unless one runs
	says(t, again, fmt.Sprintf("The worker, process %d, has ended (signal: killed)", broken))
	says(t, again, "full-catalogue: Lost after ")
	var lost string
	await(t, 30*time.Second, "the loss is seen", func() bool {
		all := api.runs("scraper=full-catalogue&status=connection_failed")
		for _, r := range all {
			lost = r.ID
		}
		return len(all) > 0
	})
	worker = workerIn(t, again, `runs again, as process (\d+)`)
	await(t, 30*time.Second, "a new scrape", func() bool { return api.run(lost).RecoveredBy != "" })
	again.kill()
	await(t, 30*time.Second, "the worker of a killed demo ends", func() bool { return !executes(worker) })
}

func says(t *testing.T, demo *process, text string) {
	t.Helper()
	await(t, 30*time.Second, "the demo says "+text, func() bool { return strings.Contains(demo.out.String(), text) })
}

func onlyOneDemoIn(t *testing.T, data, listen string) {
	t.Helper()
	if _, errs, code := command(t, "demo", "--data", data, "--listen", gatetest.FreeAddress(t)); code != 6 || !strings.Contains(errs, "in use by another demo") {
		t.Errorf("a second demo in the folder exits %d: %s", code, errs)
	}
	other := filepath.Join(t.TempDir(), "data")
	if _, errs, code := command(t, "demo", "--data", other, "--listen", listen); code != 4 || !strings.Contains(errs, listen+" is in use") {
		t.Errorf("a second demo at the address exits %d: %s", code, errs)
	}
	if _, err := os.Stat(other); err == nil {
		t.Error("a demo that could not listen wrote its folder")
	}
}

// workerIn finds the worker's process id in what the demo prints.
func workerIn(t *testing.T, demo *process, pattern string) (pid int) {
	t.Helper()
	await(t, 30*time.Second, "the demo prints "+pattern, func() bool {
		found := regexp.MustCompile(pattern).FindStringSubmatch(demo.out.String())
		if found != nil {
			pid, _ = strconv.Atoi(found[1])
		}
		return found != nil
	})
	return pid
}

func configFiles(t *testing.T, data string) string {
	t.Helper()
	return read(t, filepath.Join(data, "scrapelog.yaml")) + read(t, filepath.Join(data, "worker.yaml"))
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

// executes says whether a process runs; one that is dead and waits to be reaped
// does not.
func executes(pid int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	_, state, _ := strings.Cut(string(stat), ") ")
	return err == nil && !strings.HasPrefix(state, "Z")
}
