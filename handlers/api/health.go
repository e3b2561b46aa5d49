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

// healthz answers 200 as long as the process serves.
func healthz(c echo.Context) error {
	return c.JSON(http.StatusOK, map[string]string{"status": "ok"})
}

// Readiness reports whether an instance does its work.
type Readiness struct {
	Reasons  []string // why it does not; none: it is ready
	Warnings []string // what is degraded and does not keep it from being ready
}

// readyz reports whether this instance does its work, or every reason why not.
func (h *Handler) readyz(c echo.Context) error {
	now := h.Ready(c.Request().Context())
	if len(now.Reasons) == 0 {
		return c.JSON(http.StatusOK, struct {
			Status   string   `json:"status"`
			Warnings []string `json:"warnings,omitempty"`
		}{"ready", now.Warnings})
	}
	answer := problem.New(problem.NotReady, strings.Join(now.Reasons, "; "))
	answer.Reasons, answer.Warnings = now.Reasons, now.Warnings
	return answer
}
