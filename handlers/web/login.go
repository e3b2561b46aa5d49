package web

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/handlers/access"
	"scrapelog/handlers/problem"
	"scrapelog/handlers/web/pages"
)

// askLogin shows the form of a login to who is not logged in.
func (h *Handler) askLogin(c echo.Context) error {
	next := ownPath(c.QueryParam("next"))
	if access.From(c.Request().Context()).Kind != access.KindNone {
		return c.Redirect(http.StatusSeeOther, next)
	}
	return send(c, http.StatusOK, pages.LoginPage(pages.Login{Next: next}))
}

// login begins a session, for a form and for JSON alike.
func (h *Handler) login(c echo.Context) error {
	if isJSON(c) {
		return h.loginJSON(c)
	}
	name, next := c.FormValue("name"), ownPath(c.FormValue("next"))
	_, err := h.cfg.Access.Login(c.Response(), c.Request(), name, c.FormValue("password"))
	if d := problem.Of(err); err != nil && d.Status == http.StatusUnauthorized {
		return send(c, d.Status, pages.LoginPage(pages.Login{Says: d.Detail, Name: domain.Cut(name, 64), Next: next}))
	}
	return changed(c, 0, err, next)
}

func (h *Handler) loginJSON(c echo.Context) error {
	var body struct{ Name, Password string }
	if err := json.NewDecoder(c.Request().Body).Decode(&body); err != nil {
		return problem.Write(c.Response(), c.Request(), problem.New(problem.Invalid, `the body is not a JSON object such as {"name":"ada","password":"…"}`))
	}
	u, err := h.cfg.Access.Login(c.Response(), c.Request(), body.Name, body.Password)
	if err != nil {
		return problem.Write(c.Response(), c.Request(), problem.Of(err))
	}
	return c.JSON(http.StatusOK, struct {
		Name string      `json:"name"`
		Role domain.Role `json:"role"`
	}{u.Name, u.Role})
}

// logout ends the session of the browser.
func (h *Handler) logout(c echo.Context) error {
	if err := h.cfg.Access.Logout(c.Response(), c.Request()); err != nil {
		return err
	}
	if isJSON(c) {
		return c.NoContent(http.StatusNoContent)
	}
	return c.Redirect(http.StatusSeeOther, "/login")
}

// askSetup shows the form of the first admin.
func (h *Handler) askSetup(c echo.Context) error {
	return send(c, http.StatusOK, pages.SetupPage(pages.Setup{Token: c.QueryParam("token")}))
}

// setUp makes the first admin, and logs them in.
func (h *Handler) setUp(c echo.Context) error {
	token, name, password := c.FormValue("token"), c.FormValue("name"), c.FormValue("password")
	_, _, err := h.cfg.Access.SetUp(c.Request(), token, name, password)
	if d := problem.Of(err); err != nil && d.Status < http.StatusInternalServerError {
		return send(c, d.Status, pages.SetupPage(pages.Setup{Token: token, Name: domain.Cut(name, 64), Says: d.Detail}))
	}
	if err == nil {
		_, err = h.cfg.Access.Login(c.Response(), c.Request(), name, password)
	}
	return changed(c, 0, err, "/people")
}

func isJSON(c echo.Context) bool {
	media, _, err := mime.ParseMediaType(c.Request().Header.Get(echo.HeaderContentType))
	return err == nil && media == echo.MIMEApplicationJSON
}

// ownPath returns a path of this service to go on to; the first page for every other
// address, so that a link to the login leads nowhere else.
func ownPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") ||
		strings.ContainsFunc(next, func(r rune) bool { return r < ' ' || r == '\\' }) {
		return "/"
	}
	switch u.Path {
	case "/login", "/logout", "/setup":
		return "/"
	}
	return next
}

// comeBack returns where to go on after a login that a request turned out to need: to its
// page, or to the one that its form was on.
func comeBack(r *http.Request) string {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return ownPath(r.URL.RequestURI())
	}
	if from, err := url.Parse(r.Referer()); err == nil && from.Host == r.Host {
		return ownPath(from.RequestURI())
	}
	return "/"
}
