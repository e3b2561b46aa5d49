package api_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/credentials"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/feed"
	"scrapelog/eventstore/outbox"
	"scrapelog/handlers/access"
	"scrapelog/handlers/api"
	"scrapelog/handlers/command"
	"scrapelog/handlers/gate"
	"scrapelog/handlers/live"
	"scrapelog/handlers/notify"
	"scrapelog/handlers/react"
	"scrapelog/handlers/web/webtest"
	"scrapelog/projections"
)

const deadline = 30 * time.Second // for what takes milliseconds

// service is the API over a real log, on a real socket.
type service struct {
	*testing.T
	store     *feed.Feed
	handle    func(context.Context, domain.Command, domain.Origin) ([]eventstore.Recorded, error)
	watchers  *live.Watchers
	hub       *live.Hub
	announced chan []string
	readiness *atomic.Pointer[api.Readiness]
	unfollow  func() // stops the read models

	access  *access.Access
	echo    *echo.Echo
	handler *api.Handler
	server  *http.Server
	addr    string
}

func start(t *testing.T, db eventstoretest.Database) *service {
	t.Helper()
	s := &service{T: t, store: feed.New(db.Open(t)), announced: make(chan []string, 8), readiness: &atomic.Pointer[api.Readiness]{}, watchers: &live.Watchers{}}
	if err := projections.Ensure(t.Context(), s.store.Store); err != nil {
		t.Fatal(err)
	}
	commands := &command.Handler{
		Log: s.store, Instance: func() string { return "instance-1" },
		Follower: func(context.Context) (string, error) { return "instance-1", nil },
		Now:      time.Now, Logger: slog.New(slog.DiscardHandler),
	}
	s.handle = commands.Handle
	queries := projections.NewQueries(s.store)
	hub := live.New(live.Config{Source: queries, Wake: s.store.WakeProgress, Render: api.Render, Watchers: s.watchers})
	s.hub = hub
	s.unfollow = s.follow()
	s.Cleanup(s.unfollow)
	s.background(hub.Run)
	guard, err := access.New(t.Context(), access.Config{Credentials: credentials.New(s.store.Store, "instance-1"), Wake: s.store.Wake, Unguarded: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s.access = guard
	s.background(guard.Run)
	s.handler = api.New(api.Config{
		Log: s.store, Views: queries, Handle: s.handle, Watch: hub.Subscribe,
		Announce: func(names []string) { s.announced <- names },
		Ready:    func(context.Context) api.Readiness { return *s.readiness.Load() },
		Access:   guard,
		Metrics:  promhttp.Handler(),
		Notices:  notify.Desk{Outbox: outbox.New(s.store.Store), Channels: &notify.Channels{}},
	})
	s.readiness.Store(&api.Readiness{})
	canned := webtest.New()
	pages := canned.Handler(canned, nil)
	s.echo = api.NewEcho(api.EchoConfig{Hosts: []string{"scrapelog.example:8080"}, Pages: pages.Error, Guard: guard.Guard})
	s.handler.Register(s.echo) // behind the pages, as in production
	pages.Register(s.echo)
	s.serve()
	return s
}

func (s *service) serve() {
	s.Helper()
	listener, err := gate.Listen(s.Context(), "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	s.addr = listener.Addr().String()
	s.server = gate.NewServer(s.echo, slog.New(slog.DiscardHandler), s.handler.Close)
	ended := make(chan error, 1)
	go func() { ended <- s.server.Serve(listener) }()
	s.Cleanup(func() {
		if err := s.server.Close(); err != nil {
			s.Error(err)
		}
		<-ended
	})
}

// background runs what is long-lived until the test ends.
func (s *service) background(run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	s.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			s.Error(err)
		}
	})
}

// follow starts the consumer groups of the read models, as the service does, and
// returns what stops them. Each start needs a new router.
func (s *service) follow() (stop func()) {
	s.Helper()
	var groups []react.Group
	for _, p := range projections.All() {
		groups = append(groups, react.Project(p))
	}
	router, err := react.New(s.store, slog.New(slog.DiscardHandler), groups...)
	if err != nil {
		s.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- router.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			s.Error(err)
		}
	})
}

// answer is a response whose body was read.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) position(t *testing.T) int64 {
	t.Helper()
	n, err := strconv.ParseInt(a.header.Get("X-Log-Position"), 10, 64)
	if err != nil || n < 1 {
		t.Fatalf("X-Log-Position %q", a.header.Get("X-Log-Position"))
	}
	return n
}

func (a answer) decode(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
}

// do makes a request; header is name, value, name, value …
func (s *service) do(method, path, body string, header ...string) answer {
	s.Helper()
	res := s.open(method, path, body, header...)
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		s.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, data}
}

func (s *service) open(method, path, body string, header ...string) *http.Response {
	s.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(s.Context(), method, "http://"+s.addr+path, content)
	if err != nil {
		s.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		s.Fatal(err)
	}
	return res
}

// expect makes a request and checks its status.
func (s *service) expect(status int, method, path, body string, header ...string) answer {
	s.Helper()
	a := s.do(method, path, body, header...)
	if a.status != status {
		s.Fatalf("%s %s: %d %s, want %d", method, path, a.status, a.body, status)
	}
	return a
}

const shop = `{"url":"http://127.0.0.1:9/scrapes/shop","schedule":"@every 1h"}`

// configure makes a scraper through the API.
func (s *service) configure(name string) { s.expect(201, "PUT", "/api/v1/scrapers/"+name, shop) }

// run starts a run and returns its id.
func (s *service) run(scraper string) string {
	s.Helper()
	var run struct{ ID string }
	s.expect(201, "POST", "/api/v1/scrapers/"+scraper+"/runs", "").decode(s.T, &run)
	return run.ID
}

func (s *service) command(c domain.Command) []eventstore.Recorded {
	s.Helper()
	recorded, err := s.handle(s.Context(), c, domain.Origin{Actor: "test"})
	if err != nil {
		s.Fatal(err)
	}
	return recorded
}

// subtest is the same service with the failures of a subtest.
func (s *service) subtest(t *testing.T) *service {
	return &service{
		T: t, store: s.store, handle: s.handle, watchers: s.watchers, announced: s.announced, readiness: s.readiness,
		unfollow: s.unfollow, echo: s.echo, handler: s.handler, server: s.server, addr: s.addr,
	}
}

// is makes the service say how ready it is, until the test ends.
func (s *service) is(now api.Readiness) {
	s.readiness.Store(&now)
	s.Cleanup(func() { s.readiness.Store(&api.Readiness{}) })
}
