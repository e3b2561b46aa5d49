package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"scrapelog/handlers/gate"
	"scrapelog/handlers/web/pages"
)

// Document adds a page of text to e. Its html, which begins with a heading, is trusted
// and must not come from outside.
func (h *Handler) Document(e *echo.Echo, path, title, html string) {
	e.Match([]string{http.MethodGet, http.MethodHead}, path, func(c echo.Context) error {
		chrome, err := h.chrome(c, "", title, "")
		if err != nil {
			return err
		}
		return send(c, http.StatusOK, pages.Document(chrome, html))
	}, secureHeaders, gate.Params())
}
