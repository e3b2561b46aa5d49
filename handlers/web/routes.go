package web

import (
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"scrapelog/handlers/web/assets"
)

// maxForm is how much a form may send.
const maxForm = "64K"

// Register adds the pages to e, which MUST refuse foreign hosts and foreign
// origins by itself, for pages and API alike. Paths that nobody else serves are
// answered with a page too.
func (h *Handler) Register(e *echo.Echo) {
	page := func(path string, serve echo.HandlerFunc) {
		e.Match([]string{http.MethodGet, http.MethodHead}, path, serve, secureHeaders, sound)
	}
	action := func(path string, serve echo.HandlerFunc) {
		e.POST(path, serve, secureHeaders, middleware.BodyLimit(maxForm), sound)
	}

	page("/", h.share(h.overview))
	page("/runs", h.share(h.runs))
	page("/runs/:id", h.share(h.run))
	page("/scrapers", h.share(h.scrapers))
	page("/scrapers/:name", h.share(h.scraper))
	page("/events", h.share(h.events))
	page("/events/:position", h.event)
	page("/streams/:name", h.stream)
	page("/streams/:name/events.ndjson", h.download)
	page("/events/:position/proof.json", h.proof)
	page("/audit", h.audit)
	page("/projections", h.projections)

	action("/runs/:id/cancel", h.cancel)
	action("/scrapers/:name/runs", h.start)
	action("/scrapers/:name/pause", h.pause)
	action("/scrapers/:name/resume", h.resume)

	action("/projections/:name/rebuild", h.rebuild)
	action("/audit/verify", h.verify)
	action("/audit/replay", h.replay)

	e.GET("/live", h.live, secureHeaders)
	page(assets.Prefix+"*", echo.WrapHandler(assets.Handler()))
	e.RouteNotFound("/*", noRoute, secureHeaders)
}
