//go:build unix

package main_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// TestClientsTakeNoDescriptorOfARun opens many more streams than a server has
// descriptors, while it follows one run and starts another.
func TestClientsTakeNoDescriptorOfARun(t *testing.T) {
	t.Parallel()
	const descriptors, streams = 200, 300
	scraper := newChatty(t)
	listen := gatetest.FreeAddress(t)
	a := api{t, "http://" + listen}
	config := write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"),
		fmt.Sprintf("scrapers:\n  - {name: before, url: %[1]q}\n  - {name: amid, url: %[1]q}\n", scraper.URL))
	startUnder(t, descriptors, "serve", "--config", config, "--db", eventstoretest.SQLite(t).URL, "--listen", listen)
	a.ready()
	before := a.startRun("before")
	await(t, 30*time.Second, "the run is followed", func() bool { return scraper.gap.Load() > 0 })

	statuses := map[int]int{}
	for i := range streams {
		statuses[openStream(t, listen, fmt.Sprintf("tab-%d", i))]++
	}
	t.Logf("of %d streams: %v", streams, statuses)
	if statuses[http.StatusOK] == 0 || statuses[http.StatusOK] > descriptors/2 || statuses[http.StatusOK]+statuses[http.StatusTooManyRequests] != streams {
		t.Errorf("streams were answered %v", statuses)
	}
	var ready struct{ Warnings []string }
	if code := a.do("GET", "/readyz", "", &ready); code != http.StatusOK || !strings.Contains(strings.Join(ready.Warnings, "\n"), "limits.streams") {
		t.Errorf("readyz: %d, warnings %q", code, ready.Warnings)
	}
	amid := a.startRun("amid")
	scraper.complete()
	for _, id := range []string{before.ID, amid.ID} {
		if r := a.ended(id, 30*time.Second); r.Status != "completed" {
			t.Errorf("a run ended as %+v", r)
		}
	}
}

// openStream asks for a stream, keeps it open where it is given, and returns the status.
func openStream(t *testing.T, listen, id string) int {
	t.Helper()
	conn, err := net.Dial("tcp", listen)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /live?id=%s HTTP/1.1\r\nHost: localhost\r\n\r\n", id)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("stream %s: %v", id, err)
	}
	return res.StatusCode
}
