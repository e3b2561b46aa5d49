package web

import (
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"scrapelog/handlers/gate"
	"scrapelog/handlers/web/assets"
	"scrapelog/handlers/web/pages"
)

// maxForm is how much a form may send.
const maxForm = "64K"

// Register adds the pages to e. e MUST refuse foreign hosts and origins for pages and API
// alike, and its error handler MUST be [Handler.Error] for paths outside of the API.
// There is no catch-all route: echo would answer a wrong method with it.
func (h *Handler) Register(e *echo.Echo) {
	page := func(path string, serve echo.HandlerFunc, params ...string) {
		e.Match([]string{http.MethodGet, http.MethodHead}, path, serve, secureHeaders, sound, gate.Params(append(params, "recorded")...))
	}
	action := func(path string, serve echo.HandlerFunc) {
		e.POST(path, serve, secureHeaders, gate.Params(), middleware.BodyLimit(maxForm), sound)
	}

	page("/", h.share(h.overview), "range")
	page("/runs", h.share(h.runs), "q", "status", "scraper", "trigger", "short", "since", "until", "cursor")
	page("/runs/:id", h.share(h.run), "at", "step", "event", "view")
	page("/runs/:id/cancel", h.askCancel)
	page("/scrapers", h.share(h.scrapers), "q", "from")
	page("/scrapers/:name", h.share(h.scraper), "range", "tab")
	page("/scrapers/:name/pause", h.askPause)
	page("/outages", h.share(h.outageList), "open", "since", "until", "cursor")
	page("/outages/:id", h.share(h.outage))
	page("/events", h.share(h.events), "type", "stream", "run", "since", "until", "text", "after", "upto", "view", "open")
	page("/events/:position", h.event)
	page("/streams/:name", h.stream, "open")
	page("/streams/:name/events.ndjson", h.download)
	page("/events/:position/proof.json", h.proof)
	page("/audit", h.audit)
	page("/projections", h.projections)
	page("/notices", h.notices)
	page("/search", h.searchPage, "q")
	page("/search/hits", h.hits, "q")
	page("/docs", h.documents)
	page("/docs/*", h.document)

	action("/runs/:id/cancel", h.cancel)
	action("/scrapers", h.several)
	action("/scrapers/:name/runs", h.start)
	action("/scrapers/:name/pause", h.change("pause"))
	action("/scrapers/:name/resume", h.change("resume"))
	action("/scrapers/:name/probe", h.probe)

	if h.cfg.Access != nil {
		h.registerAccounts(page, action)
	}

	action("/projections/:name/rebuild", h.rebuild)
	action("/audit/verify", h.verify)
	action("/audit/replay", h.replay)

	e.Match([]string{http.MethodGet, http.MethodHead}, "/live", h.live, secureHeaders, gate.OwnReads, gate.Params("id"), h.cfg.Streams.Limit)
	page(assets.Prefix+"*", echo.WrapHandler(assets.Handler()), "v")
}

// registerAccounts adds the pages of logins, of one's own and of all people.
func (h *Handler) registerAccounts(page func(string, echo.HandlerFunc, ...string), action func(string, echo.HandlerFunc)) {
	page("/login", h.askLogin, "next")
	action("/login", h.login)
	action("/logout", h.logout)
	page("/setup", h.askSetup, "token")
	action("/setup", h.setUp)

	page("/account", h.account)
	action("/account/password", h.changePassword)
	action("/account/sessions/end", h.ofAccount(h.endOtherSessions))
	action("/account/sessions/:id/end", h.ofAccount(h.endSession))
	action("/account/tokens", h.issueToken)
	page("/account/tokens/:id/revoke", h.askRevoke)
	action("/account/tokens/:id/revoke", h.revokeToken)

	page("/people", h.people)
	action("/people", h.addPerson)
	action("/people/:id/role", h.ofPerson(h.setRole))
	action("/people/:id/disable", h.ofPerson(h.disable))
	page("/people/:id/password", h.askPerson(pages.AskPassword, true))
	action("/people/:id/password", h.ofPerson(h.setPassword))
	page("/people/:id/remove", h.askPerson(pages.AskRemovePerson, false))
	action("/people/:id/remove", h.ofPerson(h.removePerson))
}
