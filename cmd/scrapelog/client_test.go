package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	openRun = `{"id":"0198c2f4-0000-7000-8000-000000000001","scraper":"shop","status":"running","trigger":"manual","started_at":"2026-11-23T12:00:00Z","instance":"i","position":2,"later":"unknown to this program"}`
	lostRun = `{"id":"0198c2f4-0000-7000-8000-000000000001","scraper":"shop","status":"connection_failed","trigger":"manual","link":"scraper","started_at":"2026-11-23T12:00:00Z","ended_at":"2026-11-23T12:00:41Z","duration_ms":41000,"cause":"reset","phase":"streaming","detail":"by peer","instance":"i","position":3}`
	doneRun = `{"id":"0198c2f4-0000-7000-8000-000000000001","scraper":"shop","status":"completed","trigger":"manual","started_at":"2026-11-23T12:00:00Z","ended_at":"2026-11-23T12:00:41Z","duration_ms":41000,"items":7,"instance":"i","position":3}`
	runID   = "0198c2f4-0000-7000-8000-000000000001"
	shop    = `{"name":"shop","source":"file","paused":false,"config":{"name":"shop","url":"http://127.0.0.1:9090/shop","schedule":"@every 90s","time_zone":"Europe/Berlin","jitter":"0s","catch_up":"one","connect_timeout":"5s","start_timeout":"10s","idle_timeout":"45s","max_duration":"2h","probe":{"interval":"1s"},"recovery":{"enabled":true,"hold_down":"10s"}},"connection":{"state":"up"},"next_slot":"2026-11-23T12:00:30Z","position":1}`
)

// fakeServer answers as the documented API does.
type fakeServer struct {
	*http.ServeMux
	url  string
	mu   sync.Mutex
	seen []string // method, path and query, body
}

func fakeAPI(t *testing.T) *fakeServer {
	t.Helper()
	f := &fakeServer{ServeMux: http.NewServeMux()}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		f.seen = append(f.seen, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)))
		f.mu.Unlock()
		f.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	f.url = server.URL
	t.Setenv("SCRAPELOG_SERVER", f.url)
	return f
}

func (f *fakeServer) answer(pattern string, status int, body string) {
	f.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func (f *fakeServer) asked(t *testing.T, want string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, got := range f.seen {
		if got == want {
			return
		}
	}
	t.Errorf("not asked %s, but %q", want, f.seen)
}

func problem(status int, detail string) string {
	said, _ := json.Marshal(detail)
	return fmt.Sprintf(`{"type":"about:blank","title":%q,"status":%d,"detail":%s}`, http.StatusText(status), status, said)
}

func TestRunsListFollowsPages(t *testing.T) {
	f := fakeAPI(t)
	f.HandleFunc("GET /api/v1/runs", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("cursor") == "" {
			fmt.Fprintf(w, `{"runs":[%s],"next":"more"}`, openRun)
			return
		}
		fmt.Fprintf(w, `{"runs":[%s]}`, lostRun)
	})
	f.answer("GET /api/v1/events/3", 200, `{"position":3,"recorded_at":"2026-11-23T12:00:41.5Z"}`)
	stdout, stderr, code := invoke(t, "runs", "list", "--limit", "0", "--status", "running,connection_failed", "--scraper", "shop", "--until", "@3")
	want := `ID                                    SCRAPER  STATUS             TRIGGER  STARTED               DURATION  ITEMS  CAUSE
0198c2f4-0000-7000-8000-000000000001  shop     running            manual   2026-11-23T12:00:00Z
0198c2f4-0000-7000-8000-000000000001  shop     connection_failed  manual   2026-11-23T12:00:00Z  41s              reset
`
	if stdout != want || code != 0 {
		t.Errorf("exit %d, %s, got\n%s", code, stderr, stdout)
	}
	f.asked(t, "GET /api/v1/runs?limit=500&scraper=shop&status=running&status=connection_failed&until=2026-11-23T12%3A00%3A41.5Z")
}

func TestJSONIsAsTheServerSaidIt(t *testing.T) {
	f := fakeAPI(t)
	f.answer("GET /api/v1/runs/{id}", 200, openRun)
	stdout, _, code := invoke(t, "runs", "show", runID, "-o", "ndjson")
	if stdout != openRun+"\n" || code != 0 {
		t.Errorf("exit %d, %s", code, stdout)
	}
}

func TestRunsListOfShortOnes(t *testing.T) {
	f := fakeAPI(t)
	short := strings.Replace(doneRun, `"items":7`, `"items":0,"min_items":1`, 1)
	f.answer("GET /api/v1/runs", 200, `{"runs":[`+short+`,`+doneRun+`]}`)
	f.answer("GET /api/v1/runs/{id}", 200, short)
	stdout, stderr, code := invoke(t, "runs", "list", "--short")
	want := `ID                                    SCRAPER  STATUS     TRIGGER  STARTED               DURATION  ITEMS   CAUSE
0198c2f4-0000-7000-8000-000000000001  shop     completed  manual   2026-11-23T12:00:00Z  41s       0 of 1
0198c2f4-0000-7000-8000-000000000001  shop     completed  manual   2026-11-23T12:00:00Z  41s       7
`
	if stdout != want || code != 0 {
		t.Errorf("exit %d, %s, got\n%s", code, stderr, stdout)
	}
	f.asked(t, "GET /api/v1/runs?limit=50&short=true")
	if stdout, _, code := invoke(t, "runs", "show", runID); !regexp.MustCompile(`(?m)^items +0\nmin items +1$`).MatchString(stdout) || code != 0 {
		t.Errorf("exit %d, got\n%s", code, stdout)
	}
}

// The terms of "runs list" are those of the query field on the page of runs.
func TestRunsListByTerms(t *testing.T) {
	f := fakeAPI(t)
	f.answer("GET /api/v1/runs", 200, `{"runs":[],"searched":["shop"],"more":true}`)
	_, stderr, code := invoke(t, "runs", "list", "status:Failed,running", "trigger:manual", "shop", "--short", "until:2026-11-23T10:00:00Z")
	if code != 0 || !strings.Contains(stderr, "more scrapers") {
		t.Errorf("exit %d, %s", code, stderr)
	}
	f.asked(t, "GET /api/v1/runs?limit=50&short=true&status=failed%2Crunning&text=shop&trigger=manual&until=2026-11-23T10%3A00%3A00Z")
	for _, wrong := range [][2]string{{"status:faild", "did you mean failed?"}, {"statsu:failed", "did you mean status:?"}, {"trigger:manual", "is given twice"}} {
		if _, stderr, code := invoke(t, "runs", "list", wrong[0], "--trigger", "schedule"); code != 2 || !strings.Contains(stderr, wrong[1]) {
			t.Errorf("%s: exit %d, %s", wrong[0], code, stderr)
		}
	}
}

func TestScrapersThatAreOverdue(t *testing.T) {
	f := fakeAPI(t)
	overdue := strings.Replace(shop, `"position":1`, `"last_success_at":"2026-11-22T10:00:00Z","overdue_since":"2026-11-23T12:00:00Z","position":1`, 1)
	f.answer("GET /api/v1/scrapers", 200, `{"scrapers":[`+shop+`,`+overdue+`]}`)
	f.answer("GET /api/v1/scrapers/shop", 200, overdue)
	stdout, stderr, code := invoke(t, "scrapers", "list")
	want := `NAME  SCHEDULE    CONNECTION  LAST RUN  STARTED  NEXT                  PAUSED  OVERDUE SINCE
shop  @every 90s  up                             2026-11-23T12:00:30Z
shop  @every 90s  up                             2026-11-23T12:00:30Z          2026-11-23T12:00:00Z
`
	if stdout != want || code != 0 {
		t.Errorf("exit %d, %s, got\n%s", code, stderr, stdout)
	}
	stdout, _, code = invoke(t, "scrapers", "show", "shop")
	for name, value := range map[string]string{"last success": "2026-11-22T10:00:00Z", "overdue since": "2026-11-23T12:00:00Z"} {
		if !regexp.MustCompile(`(?m)^# `+name+` +`+value+`$`).MatchString(stdout) || code != 0 {
			t.Errorf("exit %d, no %s %s in\n%s", code, name, value, stdout)
		}
	}
}

// lostStory answers the events of the lost run, and no others.
func (f *fakeServer) lostStory() {
	f.HandleFunc("GET /api/v1/events", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("stream") != "run-"+runID {
			_, _ = io.WriteString(w, `{"events":[]}`)
			return
		}
		about := `"run_id":"` + runID + `","scraper":"shop","at":"2026-11-23T12:00:`
		fmt.Fprintf(w, `{"events":[{"position":1,"type":"run.started","data":{%[1]s00Z","trigger":"manual"}},
			{"position":2,"type":"run.connection_lost","data":{%[1]s41Z","link":"scraper","phase":"streaming","cause":"reset"}},
			{"position":3,"type":"run.connection_restored","data":{%[1]s59Z","link":"scraper","down_for_ms":18000}}]}`, about)
	})
}

func TestRunsShow(t *testing.T) {
	f := fakeAPI(t)
	const next = "0198c2f4-0000-7000-8000-000000000002"
	f.answer("GET /api/v1/runs/"+runID, 200, strings.Replace(lostRun, `"instance"`, `"recovered_by":"`+next+`","instance"`, 1))
	f.answer("GET /api/v1/runs/"+next, 200, strings.NewReplacer(runID, next, "12:00:00Z", "12:00:59.007Z").Replace(openRun))
	f.lostStory()
	stdout, stderr, code := invoke(t, "runs", "show", runID)
	for name, value := range map[string]string{
		"explained by": "scrapelog help cause reset",
		"status":       "connection_failed", "cause": "reset", "detail": "by peer", "duration": "41s",
		"summary": "Lost after 41 s: the connection was reset. Restarted 7 ms after the connection came back.",
	} {
		if !regexp.MustCompile(`(?m)^`+name+` +`+value+`$`).MatchString(stdout) || code != 0 {
			t.Errorf("exit %d %s, no %s %s in\n%s", code, stderr, name, value, stdout)
		}
	}
	f.asked(t, "GET /api/v1/events?stream=run-"+runID)
}

func TestRunsCancel(t *testing.T) {
	f := fakeAPI(t)
	f.answer("GET /api/v1/runs/{id}", 200, openRun)
	f.answer("POST /api/v1/runs/{id}/cancel", 200, strings.Replace(openRun, "running", "cancelled", 1))
	stdout, _, code := invoke(t, "runs", "cancel", runID, "--reason", "enough", "--jq", ".status")
	if stdout != "cancelled\n" || code != 0 {
		t.Errorf("exit %d, %s", code, stdout)
	}
	f.asked(t, "POST /api/v1/runs/"+runID+`/cancel {"reason":"enough"}`)
}

func TestScrapersCommands(t *testing.T) {
	f := fakeAPI(t)
	f.answer("GET /api/v1/scrapers", 200, `{"scrapers":[`+shop+`]}`)
	f.answer("GET /api/v1/scrapers/shop", 200, shop)
	f.answer("POST /api/v1/scrapers/shop/pause", 200, strings.Replace(shop, `"paused":false`, `"paused":true,"paused_reason":"rest"`, 1))
	f.answer("POST /api/v1/scrapers/shop/resume", 200, shop)
	for args, want := range map[string]string{
		"list --no-headers":   "shop  @every 90s  up      2026-11-23T12:00:30Z\n",
		"show shop":           "# name           shop\n# managed by     file\n",
		"next shop -n 2":      "SLOT                  Europe/Berlin\n2026-11-23T12:00:30Z  Mon 2026-11-23 13:00:30 +0100\n2026-11-23T12:02:00Z  Mon 2026-11-23 13:02:00 +0100\n",
		"pause shop":          "# because        rest\n",
		"resume shop -o json": "\"paused\": false",
	} {
		stdout, stderr, code := invoke(t, append([]string{"scrapers"}, strings.Fields(args)...)...)
		if !strings.Contains(stdout, want) || code != 0 {
			t.Errorf("%s: exit %d, %s, got\n%s", args, code, stderr, stdout)
		}
	}
	f.asked(t, `POST /api/v1/scrapers/shop/pause {"reason":""}`)
}

func TestAScraperWithoutSlots(t *testing.T) {
	f := fakeAPI(t)
	f.answer("GET /api/v1/scrapers/shop", 200, strings.Replace(shop, `"next_slot":"2026-11-23T12:00:30Z",`, "", 1))
	if _, stderr, code := invoke(t, "scrapers", "next", "shop"); code != 1 || !strings.Contains(stderr, "no slots") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

// The slots of a lost scraper are no promise, in a table and in JSON.
func TestTheSlotsOfALostScraperComeAfterItsRecovery(t *testing.T) {
	f := fakeAPI(t)
	f.answer("GET /api/v1/scrapers/shop", 200, strings.Replace(shop, `"next_slot"`, `"after_recovery":true,"next_slot"`, 1))
	stdout, stderr, code := invoke(t, "scrapers", "next", "shop", "-n", "2", "-o", "ndjson")
	if code != 0 || strings.Count(stdout, `"after_recovery":true`) != 2 || !strings.Contains(stderr, "the recovery run comes first") {
		t.Errorf("exit %d, got\n%s%s", code, stdout, stderr)
	}
}

// TestRefusals: every refusal of the server is one line and its exit code.
func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		code   int
		want   string
	}{
		"not found":       {404, problem(404, `scraper "shop": not found`), 3, `scraper "shop": not found`},
		"a run is open":   {409, problem(409, "run 7 is still open"), 6, "run 7 is still open"},
		"invalid":         {400, problem(400, "params: is not an object"), 2, "params: is not an object"},
		"not allowed":     {403, problem(403, "a foreign page"), 6, "a foreign page"},
		"not ready":       {503, problem(503, "shutting down"), 4, "shutting down"},
		"broken":          {500, problem(500, "see the log"), 4, "see the log"},
		"hostile":         {404, problem(404, "\x1b[31mred\n"), 3, `\u001b[31mred\n`},
		"another program": {404, "<html>nginx</html>", 4, "answered 404 Not Found, which is not how scrapelog answers"},
		"no JSON":         {201, "<html>", 4, "did not answer as scrapelog does"},
	} {
		t.Run(name, func(t *testing.T) {
			fakeAPI(t).answer("POST /api/v1/scrapers/shop/runs", test.status, test.body)
			stdout, stderr, code := invoke(t, "runs", "start", "shop")
			if code != test.code || stdout != "" || !strings.Contains(stderr, test.want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
			}
		})
	}
}

func TestServerUnreachable(t *testing.T) {
	_, stderr, code := invoke(t, "runs", "list", "--server", "http://127.0.0.1:1")
	if code != 4 || !strings.Contains(stderr, "cannot reach a server at http://127.0.0.1:1") || !strings.Contains(stderr, "connection refused") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

func TestTimeoutAndInterrupt(t *testing.T) {
	f := fakeAPI(t)
	f.HandleFunc("GET /api/v1/runs", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	if _, stderr, code := invoke(t, "runs", "list", "--timeout", "20ms"); code != 124 || stderr != "scrapelog: timed out after 20ms\n" {
		t.Errorf("exit %d, %s", code, stderr)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(20*time.Millisecond, func() { cancel(errors.New("interrupt")) })
	if _, stderr, code := invokeWith(ctx, "runs", "list"); code != 130 || stderr != "scrapelog: interrupt\n" {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

// streams answers GET /api/v1/watch: each connection gets the next script, then
// its end.
func (f *fakeServer) streams(scripts ...string) {
	next := make(chan string, len(scripts))
	for _, script := range scripts {
		next <- script
	}
	f.HandleFunc("GET /api/v1/watch", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, <-next)
	})
}

func message(event, data string) string { return "event: " + event + "\ndata: " + data + "\n\n" }

func TestRunsStartWaits(t *testing.T) {
	for name, test := range map[string]struct {
		end  string
		code int
	}{"completed": {doneRun, 0}, "connection_failed": {lostRun, 1}} {
		t.Run(name, func(t *testing.T) {
			f := fakeAPI(t)
			f.answer("POST /api/v1/scrapers/shop/runs", 201, openRun)
			f.answer("GET /api/v1/runs/{id}", 200, openRun)
			f.streams(message("state", `{"runs":[]}`) + message("beat", `{"position":2}`) + message("run", test.end))
			stdout, stderr, code := invoke(t, "runs", "start", "shop", "--wait", "--params", `{"depth":2}`, "-o", "ndjson", "--jq", ".status")
			if stdout != "running\n"+name+"\n" || code != test.code {
				t.Errorf("exit %d, %q, %s", code, stdout, stderr)
			}
			f.asked(t, `POST /api/v1/scrapers/shop/runs {"params":{"depth":2}}`)
		})
	}
}

// TestWatchingSurvivesALostStream: updates that are lost are fetched again, and
// say nothing about the run.
func TestWatchingSurvivesALostStream(t *testing.T) {
	f := fakeAPI(t)
	asked := make(chan string, 3)
	asked <- openRun
	asked <- openRun
	asked <- doneRun
	f.HandleFunc("GET /api/v1/runs/{id}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, <-asked) })
	f.streams(message("state", "{}")+"event: run\ndata: {\"id", message("state", "{}"))
	stdout, stderr, code := invoke(t, "runs", "watch", runID, "-o", "json", "--jq", ".status")
	if stdout != "completed\n" || code != 0 || stderr != "scrapelog: live updates lost, trying again\n" {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
}

// TestAttachedRunsHaveTheirWatcherFirst: the stream is open before the start.
func TestAttachedRunsHaveTheirWatcherFirst(t *testing.T) {
	f := fakeAPI(t)
	watcher, started := make(chan string, 1), make(chan struct{})
	f.HandleFunc("GET /api/v1/watch", func(w http.ResponseWriter, r *http.Request) {
		watcher <- r.URL.Query().Get("id")
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		<-started
		_, _ = io.WriteString(w, message("run", doneRun))
	})
	f.HandleFunc("POST /api/v1/scrapers/shop/runs", func(w http.ResponseWriter, _ *http.Request) {
		defer close(started)
		_, _ = io.WriteString(w, openRun)
	})
	if _, stderr, code := invoke(t, "runs", "start", "shop", "--attach"); code != 0 {
		t.Fatalf("exit %d, %s", code, stderr)
	}
	f.asked(t, fmt.Sprintf(`POST /api/v1/scrapers/shop/runs {"attach":%q}`, <-watcher))
}

func TestAnAttachedRunThatIsRefused(t *testing.T) {
	f := fakeAPI(t)
	f.streams("")
	f.answer("POST /api/v1/scrapers/shop/runs", 409, problem(409, "a run is open"))
	if _, stderr, code := invoke(t, "runs", "start", "shop", "--attach"); code != 6 {
		t.Errorf("exit %d, %s", code, stderr)
	}
}
