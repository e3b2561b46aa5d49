package api

import (
	_ "embed"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"scrapelog/handlers/problem"
)

//go:embed openapi.yaml
var openAPIDocument []byte

func openAPI(c echo.Context) error {
	return c.Blob(http.StatusOK, "application/yaml", openAPIDocument)
}

// healthz says that the process serves, and nothing else.
func healthz(c echo.Context) error {
	return c.JSON(http.StatusOK, map[string]string{"status": "ok"})
}

// readyz says whether this instance does its work, or every reason why not.
func (h *Handler) readyz(c echo.Context) error {
	reasons := h.Ready(c.Request().Context())
	if len(reasons) == 0 {
		return c.JSON(http.StatusOK, map[string]string{"status": "ready"})
	}
	answer := problem.New(problem.NotReady, strings.Join(reasons, "; "))
	answer.Reasons = reasons
	return answer
}
