package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/handlers/web/pages"
	"scrapelog/projections"
)

func (h *Handler) projections(c echo.Context) error {
	groups, err := h.cfg.Groups(c.Request().Context())
	if err != nil {
		return err
	}
	if h.cfg.Relays != nil {
		relays, err := h.cfg.Relays(c.Request().Context())
		if err != nil {
			return err
		}
		groups = append(groups, relays...)
	}
	head, err := h.cfg.Events.Head(c.Request().Context())
	if err != nil {
		return err
	}
	instances, err := h.cfg.Instances(c.Request().Context(), pages.HeldShown)
	if err != nil {
		return err
	}
	list, busy := pages.ProjectionList{Head: head, Instances: instances, Now: h.cfg.Now(), Since: h.started}, false
	for _, g := range groups {
		p := pages.Projection{Group: g, Rebuilt: slices.Contains(rebuildable(), g.Name), Job: h.jobs.get(rebuilding(g.Name))}
		busy = busy || p.Job.Busy()
		list.Projections = append(list.Projections, p)
	}
	list.File = h.cfg.File
	if h.cfg.Notices != nil {
		if list.GivenUp, err = h.cfg.Notices.GivenUp(c.Request().Context()); err != nil {
			return err
		}
	}
	chrome, err := h.chrome(c, "/projections", "System", pages.RefreshWhile(busy))
	if err != nil {
		return err
	}
	return send(c, http.StatusOK, pages.ProjectionsPage(chrome, list))
}

// rebuildable lists the readers of the log that are read models. The others act,
// and act once.
func rebuildable() []string {
	var names []string
	for _, p := range projections.All() {
		names = append(names, p.Name())
	}
	return names
}

func rebuilding(name string) string { return "the rebuild of " + name }

func (h *Handler) rebuild(c echo.Context) error {
	name := c.Param("name")
	if !slices.Contains(rebuildable(), name) {
		return fmt.Errorf("projection %s: %w", quoted(name), domain.ErrNotFound)
	}
	return h.begin(c, rebuilding(name), "/projections", func(ctx context.Context, progress func(done, all int64)) error {
		return h.cfg.Rebuild(ctx, name, progress)
	})
}
