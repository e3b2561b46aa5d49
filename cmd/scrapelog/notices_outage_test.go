package main_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// site is an origin of scrapers whose streams stay open until it goes down. While it is
// down a gateway answers for it.
type site struct {
	*httptest.Server
	mu   sync.Mutex
	down chan struct{} // closed: it is down
	open atomic.Int64  // streams
}

func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{down: make(chan struct{})}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		s.mu.Lock()
		down := s.down
		s.mu.Unlock()
		select {
		case <-down:
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		default:
		}
		if r.Method != http.MethodPost {
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
		s.open.Add(1)
		defer s.open.Add(-1)
		select {
		case <-r.Context().Done():
		case <-down:
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

func (s *site) goDown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.down)
}

func (s *site) comeBack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = make(chan struct{})
}

const groupWait = 2 * time.Second

// upBetweenOutages is how long the scrapers of two outages were up between them.
func (a api) upBetweenOutages() time.Duration {
	a.t.Helper()
	var page struct {
		Outages []struct {
			StartedAt time.Time `json:"started_at"`
			EndedAt   time.Time `json:"ended_at"`
		}
	}
	a.do("GET", "/api/v1/outages", "", &page)
	if len(page.Outages) != 2 {
		a.t.Fatalf("there are %d outages", len(page.Outages))
	}
	return page.Outages[0].StartedAt.Sub(page.Outages[1].EndedAt) // the newest comes first
}

// TestAnOutageIsOneNotice loses three scrapers of one origin at once, brings them back,
// flaps, and looks at what two channels are told.
func TestAnOutageIsOneNotice(t *testing.T) {
	t.Parallel()
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		all, one, site := newHook(t, nil), newHook(t, nil), newSite(t)
		setenv(t, "ALL", all.URL)
		setenv(t, "ONE", one.URL)
		setenv(t, "SECRET", webhookSecret)
		addr := gatetest.FreeAddress(t)
		config := write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), fmt.Sprintf(`listen: %s
database: %q
notify:
  group_wait: %s
  to:
    - {name: all, webhook_env: ALL, secret_env: SECRET}
    - {name: one, webhook_env: ONE, secret_env: SECRET, scrapers: ["c*"]}
scrapers:
  - {name: a, url: %[4]s/a, idle_timeout: 10m, probe: {interval: 100ms}, recovery: {hold_down: 1s}}
  - {name: b, url: %[4]s/b, idle_timeout: 10m, probe: {interval: 100ms}, recovery: {hold_down: 1s}}
  - {name: c, url: %[4]s/c, idle_timeout: 10m, probe: {interval: 100ms}, recovery: {hold_down: 1s}}
  - {name: shop, url: http://127.0.0.1:1/elsewhere}
`, addr, db.URL, groupWait, site.URL))
		start(t, "serve", "--config", config)
		a := api{t, "http://" + addr}
		a.ready()
		running := func() bool { return len(a.runs("status=running")) == 3 }
		for _, name := range []string{"a", "b", "c"} {
			a.startRun(name)
		}
		await(t, 30*time.Second, "three runs follow their streams", func() bool { return running() && site.open.Load() == 3 })
		site.goDown()
		began := all.await(t, 1)[0]
		if began.Type != "outage.started" || !slices.Equal(began.Data.Scrapers, []string{"a", "b", "c"}) || len(began.Data.Outage) == 0 ||
			!strings.Contains(began.Data.Text, "/docs/causes/") {
			t.Fatalf("told %+v", began)
		}
		site.comeBack()
		await(t, 30*time.Second, "three recovery runs", running)
		// Within group_wait it goes down once more, and comes back.
		await(t, 30*time.Second, "their streams are open", func() bool { return site.open.Load() == 3 })
		site.goDown()
		await(t, 30*time.Second, "they are lost again", func() bool { return len(a.runs("status=connection_failed")) == 6 })
		site.comeBack()
		await(t, 30*time.Second, "three recovery runs again", running)
		for name, hook := range map[string]*hook{"all": all, "one": one} {
			told := hook.await(t, 2)
			if got := hook.types(); !slices.Equal(got, []string{"outage.started", "outage.ended"}) {
				if up := a.upBetweenOutages(); up >= groupWait {
					t.Logf("NOT TESTED: on this busy machine it was up for %s between the outages; %s is told of %q", up, name, got)
					return
				}
				t.Fatalf("%s is told of %q", name, got)
			}
			if text := told[1].Data.Text; !strings.Contains(text, "3") || !strings.Contains(text, "recovered") {
				t.Errorf("%s is told %q", name, text)
			}
		}
		if got := one.notices()[0].Data.Scrapers; !slices.Equal(got, []string{"c"}) {
			t.Errorf("a channel for c is told of %q", got)
		}
	})
}

// TestTooFewItems has a scraper bring nothing, twice, and then do well.
func TestTooFewItems(t *testing.T) {
	hook := newHook(t, nil)
	setenv(t, "OPS_URL", hook.URL)
	setenv(t, "OPS_SECRET", webhookSecret)
	shop, say := failingScraper(t)
	addr := gatetest.FreeAddress(t)
	config := write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), fmt.Sprintf(`listen: %s
database: "sqlite:%s"
notify: {to: [{name: ops, webhook_env: OPS_URL, secret_env: OPS_SECRET}]}
scrapers:
  - {name: shop, url: %s, expect: {min_items: 2}}
`, addr, filepath.Join(t.TempDir(), "log.db"), shop.URL))
	start(t, "serve", "--config", config)
	a := api{t, "http://" + addr}
	a.ready()
	empty := "event: completed\ndata: {\"items\": 0}\n\n"
	for _, end := range []string{empty, empty} {
		say(end)
		a.ended(a.startRun("shop").ID, 30*time.Second)
	}
	say(saysCompleted)
	a.ended(a.startRun("shop").ID, 30*time.Second)
	hook.await(t, 2)
	if got := hook.types(); !slices.Equal(got, []string{"short.started", "short.ended"}) {
		t.Errorf("told of %q", got)
	}
}
