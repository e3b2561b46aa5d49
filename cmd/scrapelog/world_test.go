package main_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// world is a server on a database with scrapers of every kind, and a channel that is told.
type world struct {
	*testing.T
	api
	database eventstoretest.Database
	config   string
	server   *process
	holder   *holder       // a and b have runs that last
	quick    *quickScraper // its runs complete at once
	say      func(event string)
	hook     *hook
}

const worldConfig = `database: %q
shutdown_grace: 300ms
notify: {group_wait: 0s, to: [{name: hook, webhook_env: WORLD_HOOK, secret_env: WORLD_SECRET}]}
scrapers:
  - {name: a, url: %[2]s/a, idle_timeout: 10m, probe: {interval: 200ms}, recovery: {hold_down: 1s}}
  - {name: b, url: %[2]s/b, idle_timeout: 10m, probe: {interval: 200ms}, recovery: {hold_down: 1s}}
  - {name: slots, url: %[3]s/slots, schedule: "%[5]s"}
  - {name: failing, url: %[4]s}
`

const loading = 8 // quick scrapers that are started by hand

// newWorld writes the configuration, with the schedule of slots and further settings.
// Nothing is served yet.
func newWorld(t *testing.T, db eventstoretest.Database, schedule, settings string) *world {
	w := &world{T: t, database: db, holder: newHolder(t), quick: newQuickScraper(t), hook: newHook(t, nil)}
	w.api = api{t, "http://" + gatetest.FreeAddress(t)}
	failing, say := failingScraper(t)
	w.say = say
	setenv(t, "WORLD_HOOK", w.hook.URL)
	setenv(t, "WORLD_SECRET", webhookSecret)
	config := fmt.Sprintf(settings+worldConfig, db.URL, w.holder.URL, w.quick.URL, failing.URL, schedule)
	for i := range loading {
		config += fmt.Sprintf("  - {name: load-%d, url: %s}\n", i, w.quick.URL)
	}
	w.config = write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), config)
	setenv(t, "SCRAPELOG_CONFIG", w.config)
	return w
}

func (w *world) serve() {
	w.Helper()
	w.server = start(w.T, "serve", "--config", w.config, "--listen", strings.TrimPrefix(w.base, "http://"))
	w.ready()
}

// follow starts a run that lasts.
func (w *world) follow(name string) run {
	w.Helper()
	r := w.startRun(name)
	await(w, 30*time.Second, name+" is followed", func() bool { return w.holder.follows(r.ID) })
	return r
}

// recovered waits until a lost run is recovered by one that is followed.
func (w *world) recovered(lost run) run {
	w.Helper()
	await(w, 30*time.Second, "run "+lost.ID+" is recovered", func() bool { lost = w.run(lost.ID); return lost.RecoveredBy != "" })
	await(w, 30*time.Second, lost.Scraper+" runs again", func() bool { return w.holder.follows(lost.RecoveredBy) })
	return lost
}

// fails lets the failing scraper fail, or complete for the edge failing.ended, and waits
// until that was told as the notice of that number, and the log knows.
func (w *world) fails(edge string, n int) {
	w.Helper()
	w.say(saysFailed)
	if edge == "failing.ended" {
		w.say(saysCompleted)
	}
	w.startRun("failing")
	if told := w.hook.await(w, n); told[n-1].Type != edge {
		w.Errorf("told %v, and not %s as number %d", w.hook.types(), edge, n)
	}
	await(w, 30*time.Second, "the notice is noted as sent", func() bool { return len(w.pending()) == 0 })
}

// pending returns the notices that are not sent yet.
func (w *world) pending() []any {
	w.Helper()
	var page struct{ Notices []any }
	w.do("GET", "/api/v1/notices?state=pending,held", "", &page)
	return page.Notices
}

func (w *world) addUser(name string) (status int) {
	w.Helper()
	return w.do("POST", "/api/v1/users", fmt.Sprintf(`{"name":%q,"role":"admin","password":"correct horse battery"}`, name), nil)
}

func (w *world) users() (names []string) {
	w.Helper()
	var page struct{ Users []struct{ Name string } }
	w.do("GET", "/api/v1/users", "", &page)
	for _, u := range page.Users {
		names = append(names, u.Name)
	}
	return names
}

// says runs commands on the database, which must say something each.
func (w *world) says(want map[string]string) {
	w.Helper()
	for args, says := range want {
		out, errs, code := commandAt(w.T, stateHome(w.T), append(strings.Fields(args), "--db", w.database.URL)...)
		if code != 0 || !strings.Contains(out+errs, says) {
			w.Errorf("%s exits %d, and does not say %q:\n%s%s", args, code, says, out, errs)
		}
	}
}

// quickScraper completes each run at once and remembers who asked.
type quickScraper struct {
	*httptest.Server
	mu    sync.Mutex
	posts map[string]int // by run id
}

func newQuickScraper(t testing.TB) *quickScraper {
	q := &quickScraper{posts: map[string]int{}}
	q.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Method == http.MethodPost {
			q.mu.Lock()
			q.posts[r.Header.Get("X-Scrapelog-Run-Id")]++
			q.mu.Unlock()
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, saysCompleted)
	}))
	t.Cleanup(q.Close)
	return q
}

func (q *quickScraper) posted() map[string]int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return maps.Clone(q.posts)
}

func (q *quickScraper) count() int { return len(q.posted()) }
