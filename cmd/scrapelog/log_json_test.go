package main_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// frozen are the lines whose form programs depend on, by their beginning.
var frozen = []string{"serving", "scheduling", "nothing to schedule", "run completed", "run failed", "run cancelled", "connection lost", "connection restored"}

// logged are what differs from one run of the test to the next.
var logged = []struct{ what, as string }{
	{`"time":"[^"]*"`, `"time":"2026-11-28T12:00:00.000000000Z"`},
	{`"due_at":"[^"]*"`, `"due_at":"2026-11-28T13:00:00Z"`},
	{`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`, `00000000-0000-7000-8000-000000000000`},
	{`"(position|duration_ms|down_for_ms)":\d+`, `"$1":1`},
	{`127\.0\.0\.1:\d+`, `127.0.0.1:8080`},
	{`"[^"]*/(scrapelog.yaml)"`, `"/etc/$1"`},
	{`sqlite:[^"]*`, `sqlite:scrapelog.db`},
	{`"version":"[^"]*"`, `"version":"1.2.3"`},
}

// TestLogLinesOfProgramsAreFrozen compares every end of a run, and the lines of a
// start, with testdata/log-lines.golden. Collectors of logs depend on their form: a
// field may be added, and none may be renamed.
func TestLogLinesOfProgramsAreFrozen(t *testing.T) {
	scraper, db, addr := newHolder(t), eventstoretest.SQLite(t), gatetest.FreeAddress(t)
	config := write(t, t.TempDir()+"/scrapelog.yaml", scraper.config("shop")+fmt.Sprintf("  - {name: leap, url: %q, schedule: \"0 0 29 2 *\"}\n", scraper.URL+"/leap"))
	s := api{t, "http://" + addr}
	server := start(t, "serve", "--log-format", "json", "--config", config, "--listen", addr, "--db", db.URL)
	s.ready()
	says := func(message string) { // a line follows its commit, and may follow the read model
		await(t, 30*time.Second, "the log says "+message, func() bool { return strings.Contains(server.out.String(), `"msg":"`+message+`"`) })
	}
	for _, end := range []struct{ word, says string }{
		{"event: completed\ndata: {\"items\":7,\"note\":\"two pages\"}\n\n", "run completed"}, {"event: failed\ndata: {\"error\":\"no such page\"}\n\n", "run failed"},
	} {
		run := s.startRun("shop")
		s.followedBy(scraper, run.ID)
		scraper.say(t, run.ID, end.word)
		says(end.says)
	}
	lost := s.startRun("shop")
	s.followedBy(scraper, lost.ID)
	scraper.cut(t, lost.ID)
	var recovery []run
	await(t, 30*time.Second, "the run is recovered", func() bool {
		recovery = s.runs("trigger=recovery&status=running")
		return len(recovery) == 1
	})
	says("connection restored")
	if code := s.do("POST", "/api/v1/runs/"+recovery[0].ID+"/cancel", `{"reason":"enough"}`, nil); code != 200 {
		t.Fatalf("cancel: %d", code)
	}
	s.ended(recovery[0].ID, 30*time.Second)
	server.stop(t)
	bare := start(t, "serve", "--log-format", "json", "--listen", addr, "--db", eventstoretest.SQLite(t).URL)
	s.ready()
	bare.stop(t)
	sameAsFile(t, "testdata/log-lines.golden", logLines(t, server.out.String()+bare.out.String()))
}

// followedBy waits until the scraper follows a run.
func (a api) followedBy(scraper *holder, run string) {
	a.t.Helper()
	await(a.t, 30*time.Second, "the run is followed", func() bool { return scraper.follows(run) })
}

// logLines are the frozen lines of a log, without what differs.
func logLines(t *testing.T, text string) string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(text) {
		var record struct{ Msg string }
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Errorf("no JSON: %s", line)
		}
		if !slices.ContainsFunc(frozen, func(begins string) bool { return strings.HasPrefix(record.Msg, begins) }) {
			continue
		}
		for _, l := range logged {
			line = regexp.MustCompile(l.what).ReplaceAllString(line, l.as)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "")
}

// sameAsFile compares text with a file.
func sameAsFile(t *testing.T, file, got string) {
	t.Helper()
	if flag.Lookup("golden").Value.String() == "true" {
		write(t, file, got)
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got\n%s\nwant\n%s", file, got, want)
	}
}
