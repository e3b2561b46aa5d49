// Package api is scrapelog over HTTP for programs: JSON, server-sent events,
// problem documents. openapi.yaml beside this file is its contract.
//
// Handlers parse, call and render; every rule lives in domain, and every write
// goes through one Handle. A write answers with the log position it reached, and
// a read that names this position (at_least) sees it.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/access"
	"scrapelog/handlers/gate"
	"scrapelog/handlers/live"
	"scrapelog/projections"
)

// Log is the event log as the API reads it.
type Log interface {
	Head(ctx context.Context) (int64, error)
	Read(ctx context.Context, q eventstore.Query) ([]eventstore.Recorded, error)
	ByPosition(ctx context.Context, position int64) (eventstore.Recorded, error)
	Scraper(ctx context.Context, name string) (s domain.Scraper, version int64, err error)
	Wake() (woken <-chan struct{}, stop func())
	WaitFor(ctx context.Context, group string, position int64) error
}

// Config holds the dependencies of a Handler. Fields not marked optional MUST be set.
type Config struct {
	Log    Log
	Views  *projections.Queries
	Handle func(ctx context.Context, c domain.Command, by domain.Origin) ([]eventstore.Recorded, error)

	// Watch subscribes a watcher to the hub that was made with [Render].
	Watch func(ctx context.Context, watcherID string) (<-chan live.Message, error)
	// Announce gets the names of scrapers that a worker announces. It MUST NOT block.
	Announce func(scrapers []string)
	// Ready reports whether this instance does its work.
	Ready func(ctx context.Context) Readiness

	Notices Notices

	Access  *access.Access // users, tokens and logins
	Metrics http.Handler   // what Prometheus scrapes

	Streams     *gate.Streams // optional: bounds the streams of API and pages together
	MaxScrapers int           // optional: how many may be made here; default domain.DefaultAPIScrapers

	Logger *slog.Logger // optional
}

// Handler serves the API.
type Handler struct {
	Config
	tails atomic.Int64 // streams of events that are open

	done     chan struct{} // closed: streams end
	shutdown sync.Once
}

// New makes a Handler.
func New(cfg Config) *Handler {
	if cfg.MaxScrapers == 0 {
		cfg.MaxScrapers = domain.DefaultAPIScrapers
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Handler{Config: cfg, done: make(chan struct{})}
}

// Close ends every open stream and refuses new ones, so that
// [http.Server.Shutdown], which waits for them, can return.
func (h *Handler) Close() { h.shutdown.Do(func() { close(h.done) }) }

// Tails returns how many streams of events are open.
func (h *Handler) Tails() int { return int(h.tails.Load()) }

// Register adds the routes, each with the query parameters that it takes. HEAD is
// answered wherever GET is.
func (h *Handler) Register(e *echo.Echo) {
	read := func(path string, fn echo.HandlerFunc, params []string, m ...echo.MiddlewareFunc) {
		e.Match([]string{http.MethodGet, http.MethodHead}, path, fn, append([]echo.MiddlewareFunc{headers, gate.Params(params...)}, m...)...)
	}
	own := func(path string, fn echo.HandlerFunc, params []string, m ...echo.MiddlewareFunc) {
		read(path, fn, params, append([]echo.MiddlewareFunc{gate.OwnReads}, m...)...)
	}
	write := func(method, path string, fn echo.HandlerFunc) {
		e.Add(method, path, fn, headers, gate.Params(), gate.JSON)
	}
	runs, scrapers, events := h.atLeast(h.inView(runsGroup)), h.atLeast(h.inView(scrapersGroup)), h.atLeast(h.inLog)
	outages, notices := h.atLeast(h.inView(outagesGroup)), h.atLeast(h.inView(noticesGroup))
	list := func(filters ...string) []string { return append(filters, "limit", "at_least") }
	one := []string{"at_least"}

	read("/healthz", healthz, nil)
	read("/readyz", h.readyz, nil)
	read("/metrics", echo.WrapHandler(h.Metrics), nil, gate.OwnReads)
	read("/openapi.yaml", openAPI, nil)
	own("/debug/pprof/", profile, nil)
	own("/debug/pprof/:name", profile, []string{"seconds", "debug", "gc"})

	own("/api/v1/scrapers", h.listScrapers, list("cursor"), scrapers)
	own("/api/v1/scrapers/:name", h.showScraper, one, scrapers)
	write(http.MethodPut, "/api/v1/scrapers/:name", h.configureScraper)
	write(http.MethodDelete, "/api/v1/scrapers/:name", h.removeScraper)
	write(http.MethodPost, "/api/v1/scrapers/:name/pause", h.pauseScraper)
	write(http.MethodPost, "/api/v1/scrapers/:name/resume", h.resumeScraper)
	write(http.MethodPost, "/api/v1/scrapers/:name/runs", h.startRun)

	own("/api/v1/runs", h.listRuns, list("status", "scraper", "trigger", "short", "text", "since", "until", "cursor"), runs)
	own("/api/v1/runs/:id", h.showRun, one, runs)
	write(http.MethodPost, "/api/v1/runs/:id/cancel", h.cancelRun)

	own("/api/v1/lanes", h.listLanes, []string{"scraper", "since", "slot", "at_least"}, h.atLeast(h.inView(lanesGroup)))

	own("/api/v1/outages", h.listOutages, list("open", "origin", "scraper", "since", "until", "cursor"), outages)
	own("/api/v1/outages/:id", h.showOutage, one, outages)

	own("/api/v1/notices", h.listNotices, list("state", "channel", "kind", "since", "until", "cursor"), notices)
	own("/api/v1/notices/:id", h.showNotice, one, notices)
	write(http.MethodPost, "/api/v1/notices/:id/retry", h.retryNotice)
	write(http.MethodPost, "/api/v1/notify/test", h.testNotices)

	own("/api/v1/events", h.listEvents, list("after", "until", "type", "stream"), events)
	own("/api/v1/events/:position", h.showEvent, one, events)
	own("/api/v1/events/stream", h.tailEvents, []string{"after"}, h.Streams.Limit)

	own("/api/v1/watch", h.watchChanges, []string{"id"}, h.Streams.Limit)
	write(http.MethodPost, "/api/v1/announce", h.announce)
	h.registerAccess(own, write)
}

// headers keeps answers out of caches and out of frames. Pages set their own.
func headers(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		header := c.Response().Header()
		header.Set(echo.HeaderCacheControl, "no-store")
		header.Set(echo.HeaderContentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'")
		return next(c)
	}
}
