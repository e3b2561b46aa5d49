package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// TestAStarvedServerLosesNothing lets a server run only when one core has nothing
// else to do, and keeps that core busy, for several times as long as a stream may
// be silent.
func TestAStarvedServerLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the processor, which it takes away; make test runs it")
	}
	t.Parallel()
	const idle, starves = time.Second, 5 * time.Second
	scraper := newChatty(t)
	listen := gatetest.FreeAddress(t)
	a := api{t, "http://" + listen}
	config := write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), fmt.Sprintf("scrapers:\n  - {name: chatty, url: %q, idle_timeout: %s}\n", scraper.URL, idle))
	server := start(t, "serve", "--config", config, "--db", eventstoretest.SQLite(t).URL, "--listen", listen)
	a.ready()
	r := a.startRun("chatty")
	await(t, 30*time.Second, "the run is followed", func() bool { return scraper.gap.Load() > 0 })

	feed := starve(t, server.Process.Pid)
	before := cpuTime(t, server.Process.Pid)
	<-time.After(starves)
	used := cpuTime(t, server.Process.Pid) - before
	feed()
	t.Logf("starved for %s, in which it got %s of a processor", starves, used)

	scraper.complete()
	scraper.lostNothing(t, a.ended(r.ID, 60*time.Second), idle)
}

// starve gives every thread of a process the least that there is, on one core, and
// keeps that core busy until feed is called.
func starve(t *testing.T, pid int) (feed func()) {
	t.Helper()
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(pid, &all); err != nil {
		t.Fatal(err)
	}
	core := 0
	for !all.IsSet(core) {
		core++
	}
	one.Set(core)
	hog := exec.Command("sh", "-c", "while :; do :; done")
	if err := hog.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hog.Process.Kill(); _ = hog.Wait() })
	schedule(t, hog.Process.Pid, &one, unix.SCHED_NORMAL)
	schedule(t, pid, &one, unix.SCHED_IDLE)
	return func() {
		_ = hog.Process.Kill()
		schedule(t, pid, &all, unix.SCHED_NORMAL)
	}
}

// schedule does so for every thread; those that are made later take after them.
func schedule(t *testing.T, pid int, on *unix.CPUSet, policy uint32) {
	t.Helper()
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.SchedSetaffinity(id, on); err != nil {
			t.Error(err)
		}
		if err := unix.SchedSetAttr(id, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: policy}, 0); err != nil {
			t.Error(err)
		}
	}
}

// cpuTime is what a process has used of processors.
func cpuTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	fields, ticks := strings.Fields(after), 0
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
