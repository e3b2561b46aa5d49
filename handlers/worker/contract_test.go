package worker

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scrapelog/domain"
	"scrapelog/handlers/problem"
)

func TestAStreamIsHeaderProgressAndOneTerminalEvent(t *testing.T) {
	base, _ := serve(t, commandConfig("printf", `one\ntwo\n`))
	resp, _ := post(t, base+"/scrapes/job", Order{RunID: "r1"})
	if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/event-stream") {
		t.Errorf("content type = %q", got)
	}
	if got := resp.Header.Get("X-Scrape-Beat"); got != "1s" {
		t.Errorf("X-Scrape-Beat = %q", got)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	const want = "event: progress\ndata: {\"line\":\"one\",\"lines\":1}\n\n" +
		"event: progress\ndata: {\"line\":\"two\",\"lines\":2}\n\n" +
		"event: completed\ndata: {\"items\":2}\n\n"
	if string(body) != want {
		t.Errorf("stream = %q\nwant     %q", body, want)
	}
	if !resp.Close {
		t.Error("the connection stays open behind the terminal event")
	}
}

func TestABeatIsAnnouncedInSeconds(t *testing.T) {
	cfg := commandConfig("true")
	cfg.Beat = domain.Duration(time.Minute)
	base, _ := serve(t, cfg)
	resp, _ := post(t, base+"/scrapes/job", Order{RunID: "r1"})
	if got := resp.Header.Get("X-Scrape-Beat"); got != "60s" {
		t.Errorf("X-Scrape-Beat = %q", got)
	}
}

func TestAnswersBeforeAnyScrape(t *testing.T) {
	base, _ := serve(t, commandConfig("true"))
	tests := map[string]struct {
		method, path, body string
		want               int
	}{
		"a prober is told that the worker is there": {http.MethodHead, "/scrapes/job", "", 200},
		"health":                  {http.MethodGet, "/healthz", "", 200},
		"an unknown name":         {http.MethodPost, "/scrapes/other", `{"run_id":"r"}`, 404},
		"HEAD of an unknown name": {http.MethodHead, "/scrapes/other", "", 404},
		"a wrong method":          {http.MethodGet, "/scrapes/job", "", 405},
		"a body that is no JSON":  {http.MethodPost, "/scrapes/job", `run_id=r`, 400},
		"a body without a run":    {http.MethodPost, "/scrapes/job", `{}`, 400},
		"a body past its limit":   {http.MethodPost, "/scrapes/job", `{"run_id":"` + strings.Repeat("r", 1<<20) + `"}`, 413},
		"a key that a later version of the contract knows": {http.MethodPost, "/scrapes/job", `{"run_id":"r","later":1}`, 200},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			req, _ := http.NewRequestWithContext(t.Context(), tt.method, base+tt.path, strings.NewReader(tt.body))
			if tt.body != "" {
				req.Header.Set("Content-Type", "application/json")
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != tt.want {
				t.Errorf("answered %s, want %d", resp.Status, tt.want)
			}
			if got := resp.Header.Get("Cache-Control"); tt.method == http.MethodHead && got != "no-store" {
				t.Errorf("a cache may answer for the worker: %q", got)
			}
			if got := resp.Header.Get("Content-Type"); tt.want >= 400 && got != problem.ContentType {
				t.Errorf("refused as %q", got)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
		})
	}
}

func TestASilentScrapeBeats(t *testing.T) {
	base, _ := serve(t, commandConfig("sleep", "1000"))
	resp, _ := post(t, base+"/scrapes/job", Order{RunID: "r1"})
	if data := await(t, resp, "beat"); data != "{}" {
		t.Errorf("beat = %q", data)
	}
}

func TestOneScrapeOfANameAtATime(t *testing.T) {
	base, _ := serve(t, commandConfig("sh", "-c", "echo $$; sleep 1000"))
	first, _ := post(t, base+"/scrapes/job", Order{RunID: "r1"})
	pid := pidIn(t, await(t, first, "progress"))
	for _, order := range []Order{{RunID: "r2"}, {RunID: "r2", Recovers: "r0"}, {RunID: "r1"}} {
		if resp, _ := post(t, base+"/scrapes/job", order); resp.StatusCode != http.StatusConflict {
			t.Errorf("%+v answered %s, want 409", order, resp.Status)
		}
	}
	if !runs(pid) {
		t.Error("a refused POST ended the scrape")
	}
}

// The old run ignores SIGTERM, so that it takes a while to end: the new one must
// be answered at once, and must not start before the old one is gone.
func TestARecoveringRunTakesOverFromTheRunStillHeld(t *testing.T) {
	marker := filepath.Join(t.TempDir(), "old")
	base, _ := serve(t, commandConfig("sh", "-c", `
		if [ "$SCRAPELOG_RUN_ID" = old ]; then trap "" TERM; echo $$ > `+marker+`; echo $$; while :; do sleep 1; done; fi
		kill -0 "$(cat `+marker+`)" 2>/dev/null && { echo the old run is still there >&2; exit 1; }
		echo ok`))
	old, _ := post(t, base+"/scrapes/job", Order{RunID: "old"})
	pid := pidIn(t, await(t, old, "progress"))

	asked := time.Now()
	next, _ := post(t, base+"/scrapes/job", Order{RunID: "new", Recovers: "old"})
	if took := time.Since(asked); took > killGrace/2 || !runs(pid) {
		t.Errorf("the header took %s; the old run was there: %t", took, runs(pid))
	}
	if _, err := io.ReadAll(old.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the old stream ended with %v, want a cut", err)
	}
	if kind, data, _ := outcome(t, next); kind != "completed" {
		t.Errorf("the new run: %s %s", kind, data)
	}
}

func TestAChainOfTakeOversLeavesTheLast(t *testing.T) {
	base, _ := serve(t, commandConfig("sh", "-c", `trap "" TERM; echo $$; while :; do sleep 1; done`))
	first, _ := post(t, base+"/scrapes/job", Order{RunID: "r1"})
	await(t, first, "progress")
	post(t, base+"/scrapes/job", Order{RunID: "r2", Recovers: "r1"})
	third, _ := post(t, base+"/scrapes/job", Order{RunID: "r3", Recovers: "r2"})
	if pid := pidIn(t, await(t, third, "progress")); !runs(pid) {
		t.Error("the last run does not run")
	}
	if resp, _ := post(t, base+"/scrapes/job", Order{RunID: "r4", Recovers: "r2"}); resp.StatusCode != http.StatusConflict {
		t.Errorf("a run that was taken over is still held: %s", resp.Status)
	}
}

// Grandchildren hold the output open, and one of them ignores SIGTERM.
func TestAClientThatLeavesEndsTheWholeGroup(t *testing.T) {
	dir := t.TempDir()
	base, _ := serve(t, commandConfig("sh", "-c", `
		sleep 1000 & echo $! > `+dir+`/a
		sh -c 'trap "" TERM; echo $$ > `+dir+`/b; while :; do sleep 1; done' &
		while [ ! -s `+dir+`/b ]; do sleep 0.01; done
		echo $$; wait`))
	resp, leave := post(t, base+"/scrapes/job", Order{RunID: "r1"})
	pids := []int{pidIn(t, await(t, resp, "progress")), pidOf(t, dir+"/a"), pidOf(t, dir+"/b")}
	leave()
	eventually(t, "the group is gone", func() bool { return !runs(pids[0]) && !runs(pids[1]) && !runs(pids[2]) })
}

func pidOf(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return pidIn(t, `{"line":"`+strings.TrimSpace(string(text))+`"}`)
}

// Someone cancels a run and starts another at once: the first is only being
// ended, and does not block another scrape.
func TestARunWhoseClientHasLeftIsNotInTheWay(t *testing.T) {
	dir := t.TempDir()
	base, _ := serve(t, commandConfig("sh", "-c", `
		[ -e `+dir+`/second ] && exit 0
		trap "touch `+dir+`/told" TERM; echo $$; while :; do sleep 0.01; done`))
	resp, leave := post(t, base+"/scrapes/job", Order{RunID: "r1"})
	await(t, resp, "progress")
	leave()
	eventually(t, "the first run was told to end", func() bool { _, err := os.Stat(dir + "/told"); return err == nil })
	if err := os.WriteFile(dir+"/second", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	next, _ := post(t, base+"/scrapes/job", Order{RunID: "r2"})
	if kind, data, _ := outcome(t, next); kind != "completed" {
		t.Errorf("the second run: %s %s", kind, data)
	}
}

func TestAStoppingWorkerCutsItsStreams(t *testing.T) {
	base, stop := serve(t, commandConfig("sh", "-c", "echo $$; sleep 1000"))
	resp, _ := post(t, base+"/scrapes/job", Order{RunID: "r1"})
	pid := pidIn(t, await(t, resp, "progress"))
	stop()
	if _, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the stream ended with %v, want a cut", err)
	}
	if runs(pid) {
		t.Error("the command outlived the worker")
	}
}

// A client that has heard the end of a run may ask for the next one at once: nothing
// of the run is left by then.
func TestANameIsFreeWhenTheEndIsSaid(t *testing.T) {
	base, _ := serve(t, commandConfig("true"))
	for range 50 {
		resp, leave := post(t, base+"/scrapes/job", Order{RunID: "r1"})
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("answered %s", resp.Status)
		}
		await(t, resp, "completed")
		leave()
	}
}
