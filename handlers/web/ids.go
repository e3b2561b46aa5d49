package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"scrapelog/domain"
)

// runID is the run that the path names by its id or by a part of it.
func (h *Handler) runID(c echo.Context) (uuid.UUID, error) {
	if err := domain.CheckID("id", c.Param("id")); err != nil {
		return uuid.Nil, fmt.Errorf("run %s: %w", quoted(c.Param("id")), domain.ErrNotFound)
	}
	return h.cfg.Queries.FindRun(c.Request().Context(), "id", c.Param("id"))
}

// streamInPath is the whole name of the stream that the path names.
func (h *Handler) streamInPath(c echo.Context) (string, error) {
	name := c.Param("name")
	if err := domain.CheckID("stream", name); err != nil && domain.NamesRunStream(name) {
		return "", fmt.Errorf("stream %s: %w", quoted(name), domain.ErrNotFound)
	}
	return h.streamOf(c.Request().Context(), "stream", name)
}

// streamOf is the whole name of a stream. The name of a run's stream may have a
// part of the run's id.
func (h *Handler) streamOf(ctx context.Context, field, name string) (string, error) {
	if !domain.NamesRunStream(name) {
		return name, nil
	}
	run, err := h.cfg.Queries.FindRun(ctx, field, name)
	return domain.RunStream(run), err
}

// to redirects from a page under a part of an id to the page under the whole id, which
// links and live updates use.
func to(c echo.Context, path string) error {
	whole := url.URL{Path: path, RawQuery: c.Request().URL.RawQuery}
	return c.Redirect(http.StatusFound, whole.String())
}
