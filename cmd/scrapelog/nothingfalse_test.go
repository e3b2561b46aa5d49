package main_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
)

// chatty is a scraper that says something every 50 ms until told to complete.
func chatty(t *testing.T) (url string, complete func()) {
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			fmt.Fprint(w, "event: progress\ndata: {}\n\n")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-done:
				fmt.Fprint(w, "event: completed\ndata: {\"items\":1}\n\n")
				return
			case <-tick.C:
			}
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, func() { close(done) }
}

// TestAStoppedAndContinuedServerLosesNothing stops the server itself, again and
// again, for longer than a stream may be silent.
func TestAStoppedAndContinuedServerLosesNothing(t *testing.T) {
	t.Parallel()
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		url, complete := chatty(t)
		listen := freeAddr(t)
		a := api{t, "http://" + listen}
		config := write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), fmt.Sprintf("scrapers:\n  - {name: chatty, url: %q, idle_timeout: 500ms}\n", url))
		server := start(t, "serve", "--config", config, "--db", db.URL, "--listen", listen)
		a.ready()
		r := a.startRun("chatty")
		for range 4 {
			signal(t, server, syscall.SIGSTOP)
			<-time.After(1500 * time.Millisecond)
			signal(t, server, syscall.SIGCONT)
			<-time.After(200 * time.Millisecond)
		}
		if now := a.run(r.ID); now.Status != "running" {
			t.Errorf("after the server was stopped and continued the run is %+v", now)
		}
		complete()
		if now := a.ended(r.ID, 30*time.Second); now.Status != "completed" {
			t.Errorf("the run ended as %+v", now)
		}
	})
}

// TestAWatcherThatIsCutOffIsMissed: a laptop that falls asleep says no goodbye.
// It is played by a network of its own whose cable is cut.
func TestAWatcherThatIsCutOffIsMissed(t *testing.T) {
	t.Parallel()
	us, inside, cut, why := laptop(t)
	if why != "" {
		t.Log("NOT TESTED: " + why)
		return
	}
	scraper := newHolder(t)
	_, port, _ := strings.Cut(freeAddr(t), ":")
	listen := us + ":" + port
	a := api{t, "http://" + listen}
	config := write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), "watcher_grace: 1s\n"+scraper.config("shop"))
	start(t, "serve", "--config", config, "--db", eventstoretest.SQLite(t).URL, "--listen", listen, "--listen-without-logins")
	a.ready()
	watcher := exec.Command(inside[0], append(inside[1:], "curl", "-sN", a.base+"/api/v1/watch?id=laptop")...)
	out := &output{}
	watcher.Stdout = out
	if err := watcher.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = watcher.Process.Kill(); _ = watcher.Wait() })
	await(t, 30*time.Second, "the laptop watches", func() bool { return out.String() != "" })
	var attached run
	if code := a.do("POST", "/api/v1/scrapers/shop/runs", `{"attach":"laptop"}`, &attached); code != 201 {
		t.Fatalf("attaching: %d", code)
	}
	await(t, 30*time.Second, "the run is followed", func() bool { return scraper.follows(attached.ID) })
	cut()
	asleep := time.Now()
	lost := a.ended(attached.ID, 90*time.Second)
	if lost.Status != "connection_failed" || lost.Link != "watcher" || lost.Cause != "watcher_gone" {
		t.Fatalf("without its watcher the run ended as %+v", lost)
	}
	// A beat every 5 s, 15 s until what was sent counts as lost, 1 s of grace.
	took := lost.EndedAt.Sub(asleep)
	t.Logf("watcher cut off → connection_failed: %v; bound 21s", took.Round(time.Millisecond))
	if took < time.Second || took > 45*time.Second {
		t.Errorf("that took %v", took)
	}
	await(t, 30*time.Second, "its scrape is stopped", func() bool { return !scraper.follows(attached.ID) })
}

// laptop makes a network of its own: our address towards it, how to start what
// runs in it, and what cuts it off; or says why this machine lets us make none.
func laptop(t *testing.T) (us string, inside []string, cut func(), why string) {
	id := os.Getpid() % 10000
	name, ours, theirs := fmt.Sprintf("scrapelog-laptop-%d", id), fmt.Sprintf("slo%d", id), fmt.Sprintf("slt%d", id)
	us = fmt.Sprintf("10.%d.77.1", 200+os.Getpid()%50)
	if os.Geteuid() != 0 {
		return "", nil, nil, "network namespaces need root"
	}
	ip := func(args ...string) error {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %v: %w: %s", args, err, out)
		}
		return nil
	}
	if err := ip("netns", "add", name); err != nil {
		return "", nil, nil, err.Error()
	}
	t.Cleanup(func() { _ = ip("netns", "del", name) }) // the cable goes with it
	for _, line := range [][]string{
		{"link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", name},
		{"addr", "add", us + "/24", "dev", ours},
		{"link", "set", ours, "up"},
		{"-n", name, "addr", "add", strings.TrimSuffix(us, "1") + "2/24", "dev", theirs},
		{"-n", name, "link", "set", theirs, "up"},
	} {
		if err := ip(line...); err != nil {
			return "", nil, nil, err.Error()
		}
	}
	cut = func() {
		if err := ip("-n", name, "link", "set", theirs, "down"); err != nil {
			t.Error(err)
		}
	}
	return us, []string{"ip", "netns", "exec", name}, cut, ""
}
