package web

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/handlers/problem"
)

// login begins a session, for a form and for JSON alike.
func (h *Handler) login(c echo.Context) error {
	if !isJSON(c) {
		if _, err := h.cfg.Access.Login(c.Response(), c.Request(), c.FormValue("name"), c.FormValue("password")); err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, ownPath(c.FormValue("next")))
	}
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

func isJSON(c echo.Context) bool {
	media, _, err := mime.ParseMediaType(c.Request().Header.Get(echo.HeaderContentType))
	return err == nil && media == echo.MIMEApplicationJSON
}

// ownPath returns a path of this service to go on to; the first page for every other
// address, so that a link to the login leads nowhere else.
func ownPath(next string) string {
	if strings.HasPrefix(next, "/") && !strings.HasPrefix(next, "//") && !strings.ContainsAny(next, "\\\r\n\t") {
		return next
	}
	return "/"
}
