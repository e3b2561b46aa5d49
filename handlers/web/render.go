package web

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"scrapelog/eventstore/feed"
	"scrapelog/handlers/gate"
	"scrapelog/handlers/problem"
	"scrapelog/handlers/web/pages"
	"scrapelog/projections"
)

// chrome makes what surrounds a page. It is called before the page's queries, so
// that the position it names is never ahead of what the page shows.
func (h *Handler) chrome(c echo.Context, section, title, refresh string) (pages.Chrome, error) {
	groups, err := h.cfg.Groups(c.Request().Context())
	if err != nil {
		return pages.Chrome{}, err
	}
	standing, err := h.standing().now(c.Request().Context())
	if err != nil {
		return pages.Chrome{}, err
	}
	losses, err := h.cfg.Queries.Losses(c.Request().Context())
	if err != nil {
		return pages.Chrome{}, err
	}
	return pages.Chrome{
		Title: title, Section: section, URL: withoutNotice(c.Request().URL), Refresh: refresh,
		Position: reached(groups), Now: h.cfg.Now(), Notice: h.notice(c), OpenTo: h.cfg.OpenTo,
		Standing: standing, Losses: losses, Server: serverOf(c.Request()),
	}, nil
}

// show answers with a page for which nothing is read but what surrounds it.
func (h *Handler) show(c echo.Context, section, title string, page func(pages.Chrome) templ.Component) error {
	chrome, err := h.chrome(c, section, title, "")
	if err != nil {
		return err
	}
	return send(c, http.StatusOK, page(chrome))
}

// bare makes what surrounds a page that needs no database, while that may be away.
func (h *Handler) bare(c echo.Context, section, title string) pages.Chrome {
	chrome := pages.Chrome{Title: title, Section: section, URL: withoutNotice(c.Request().URL), Now: h.cfg.Now(), OpenTo: h.cfg.OpenTo}
	ctx, cancel := context.WithTimeout(c.Request().Context(), time.Second)
	defer cancel()
	var err error
	if chrome.Standing, err = h.standing().now(ctx); err != nil {
		chrome.Instances = pages.Unknown
	}
	return chrome
}

func (h *Handler) standing() Standing {
	return Standing{Sealing: h.cfg.Audit.State, Serving: h.cfg.Instances, Away: h.cfg.Away, Refused: h.cfg.Refused}
}

// withoutNotice is where a page is fetched again, which repeats no notice.
func withoutNotice(u *url.URL) string {
	values := u.Query()
	if !values.Has("recorded") {
		return u.RequestURI()
	}
	values.Del("recorded")
	again := url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: values.Encode()}
	return again.RequestURI()
}

// serverOf is this server's URL as the reader has it. It becomes part of commands to copy:
// a host that would mean more there than a host is left out.
func serverOf(r *http.Request) string {
	scheme := "http"
	if gate.HTTPS(r) {
		scheme = "https"
	}
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(".:-[]", c)
	}
	if r.Host == "" || strings.ContainsFunc(r.Host, func(c rune) bool { return !plain(c) }) {
		return pages.DefaultServer
	}
	return scheme + "://" + r.Host
}

// reached is how far every reader of the log has come.
func reached(groups []feed.Group) int64 {
	least := int64(math.MaxInt64)
	for _, g := range groups {
		least = min(least, g.Position)
	}
	if len(groups) == 0 {
		return 0
	}
	return least
}

// notice returns the event that an action recorded, if the page follows one. A made-up
// position shows nothing that the log does not.
func (h *Handler) notice(c echo.Context) *pages.Notice {
	position, err := strconv.ParseInt(c.QueryParam("recorded"), 10, 64)
	if err != nil {
		return nil
	}
	rec, err := h.cfg.Events.ByPosition(c.Request().Context(), position)
	if err != nil {
		return nil
	}
	notice := pages.NewNotice(rec, h.nameOf)
	return &notice
}

// private keeps pages out of every cache: they are of one person.
const private = "private, no-store"

// send renders whole before it writes, so that a page is never cut in half.
func send(c echo.Context, status int, page templ.Component) error {
	var b bytes.Buffer
	if err := page.Render(c.Request().Context(), &b); err != nil {
		return fmt.Errorf("render: %w", err)
	}
	c.Response().Header().Set("Cache-Control", private)
	keep(c, status, b.Bytes())
	return c.HTMLBlob(status, b.Bytes())
}

// Error answers an error with a page. It is for echo's HTTPErrorHandler on the paths of
// pages. It logs internal errors, once.
func (h *Handler) Error(err error, c echo.Context) {
	r := c.Request()
	if c.Response().Committed {
		return
	}
	setSecureHeaders(c.Response().Header()) // no route has, where there is none
	d := problem.Of(err)
	if d.Status >= http.StatusInternalServerError {
		h.cfg.Logger.ErrorContext(r.Context(), "page failed", "method", r.Method, "path", r.URL.EscapedPath(), "status", d.Status, "error", err)
	}
	if d.Status == http.StatusUnauthorized && h.cfg.Access != nil {
		if err := send(c, d.Status, pages.LoginPage(pages.Login{Needed: true, Next: comeBack(r)})); err != nil {
			h.cfg.Logger.DebugContext(r.Context(), "login page not sent", "error", err)
		}
		return
	}
	chrome := h.bare(c, "", d.Title)
	if d.Status == http.StatusServiceUnavailable && r.Method == http.MethodGet {
		chrome.Refresh = pages.RefreshUntilBack
	}
	var nearest []pages.Hit
	if d.Status == http.StatusNotFound && r.Method == http.MethodGet {
		nearest = h.nearest(r.Context(), r.URL.Path)
	}
	page := pages.ProblemPage(
		chrome,
		pages.Problem{Status: d.Status, Title: d.Title, Detail: d.Detail, Run: d.RunID, Asked: c.Response().Header().Get(echo.HeaderXRequestID), Nearest: nearest},
	)
	if err := send(c, d.Status, page); err != nil {
		h.cfg.Logger.DebugContext(r.Context(), "problem page not sent", "error", err)
	}
}

// quoted quotes a part of a request, shortened.
func quoted(s string) string { return fmt.Sprintf("%.80q", s) }

// waitBudget is how long an action waits for the pages to show what it recorded.
const waitBudget = 5 * time.Second

// waitFor returns when all read models show the log up to position.
func (h *Handler) waitFor(ctx context.Context, position int64) error {
	ctx, cancel := context.WithTimeout(ctx, waitBudget)
	defer cancel()
	for _, p := range projections.All() {
		if err := h.cfg.WaitFor(ctx, p.Name(), position); err != nil {
			return problem.New(problem.Behind, fmt.Sprintf(
				"it was recorded as event %d, but the pages do not show it yet (%v); open /events/%d, or reload in a moment", position, err, position))
		}
	}
	return nil
}
