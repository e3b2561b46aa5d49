package main_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
	"scrapelog/handlers/scrape/networktest"
)

// TestAWatcherThatIsCutOffIsMissed: a laptop that falls asleep says no goodbye.
// It is played by a network whose cable is cut.
func TestAWatcherThatIsCutOffIsMissed(t *testing.T) {
	t.Parallel()
	if !networktest.Private(t, binaryVariable+"="+binary) {
		return
	}
	laptop := networktest.NewIsland(t)
	scraper := newHolder(t)
	_, port, _ := strings.Cut(gatetest.FreeAddress(t), ":")
	listen := laptop.Ours + ":" + port
	a := api{t, "http://" + listen}
	config := write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), "watcher_grace: 1s\n"+scraper.config("shop"))
	start(t, "serve", "--config", config, "--db", eventstoretest.SQLite(t).URL, "--listen", listen, "--listen-without-logins")
	a.ready()
	watcher := exec.Command("curl", "-sN", "--retry", "30", "--retry-all-errors", "--retry-delay", "1", a.base+"/api/v1/watch?id=laptop")
	out := &output{}
	watcher.Stdout = out
	if err := laptop.Start(watcher); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = watcher.Process.Kill(); _ = watcher.Wait() })
	await(t, 30*time.Second, "the laptop watches", func() bool { return out.String() != "" })
	var attached run
	if code := a.do("POST", "/api/v1/scrapers/shop/runs", `{"attach":"laptop"}`, &attached); code != 201 {
		t.Fatalf("attaching: %d", code)
	}
	await(t, 30*time.Second, "the run is followed", func() bool { return scraper.follows(attached.ID) })
	laptop.There("link", "set", laptop.Plug, "down")
	asleep := time.Now()
	lost := a.ended(attached.ID, 90*time.Second)
	if lost.Status != "connection_failed" || lost.Link != "watcher" || lost.Cause != "watcher_gone" {
		t.Fatalf("without its watcher the run ended as %+v", lost)
	}
	// A beat every 5 s, 15 s until what was sent counts as lost, 1 s of grace.
	took := lost.EndedAt.Sub(asleep)
	t.Logf("watcher cut off → connection_failed: %v; bound 21s", took.Round(time.Millisecond))
	if took < time.Second {
		t.Errorf("that took %v", took)
	}
	await(t, 30*time.Second, "its scrape is stopped", func() bool { return !scraper.follows(attached.ID) })
}
