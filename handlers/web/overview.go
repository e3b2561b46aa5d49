package web

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/handlers/web/pages"
	"scrapelog/projections"
)

// How much of each list the overview shows.
const (
	wrongShown = 8
	slotsShown = 6
)

func (h *Handler) overview(c echo.Context) error {
	chrome, err := h.chrome(c, "/", "Overview", pages.RefreshOverview)
	if err != nil {
		return err
	}
	view, err := h.overviewOf(c.Request().Context())
	if err != nil {
		return err
	}
	return send(c, http.StatusOK, pages.OverviewPage(chrome, view))
}

func (h *Handler) overviewOf(ctx context.Context) (view pages.Overview, err error) {
	view.Following, view.Refused = slotsShown, h.cfg.Audit.State().Refused
	if view.Scrapers, err = h.cfg.Queries.Scrapers(ctx); err != nil {
		return view, err
	}
	if view.Counts, err = h.cfg.Queries.Counts(ctx); err != nil {
		return view, err
	}
	open, err := h.cfg.Queries.OpenRuns(ctx)
	if err != nil {
		return view, err
	}
	wrong, err := h.cfg.Queries.Runs(ctx, projections.RunFilter{
		Statuses: []domain.RunStatus{domain.StatusFailed, domain.StatusConnectionFailed}, Limit: wrongShown,
	})
	if err != nil {
		return view, err
	}
	view.Running, view.Wrong, view.Lost = h.withHeard(open...), h.withHeard(wrong.Runs...), h.losses(view.Scrapers)
	if view.Head, err = h.cfg.Events.Head(ctx); err != nil {
		return view, err
	}
	view.Groups, err = h.cfg.Groups(ctx)
	return view, err
}

// losses are the scrapers whose connection is lost now.
func (h *Handler) losses(scrapers []projections.Scraper) []pages.Loss {
	var lost []pages.Loss
	for _, s := range scrapers {
		if s.Lost() {
			lost = append(lost, pages.Loss{Scraper: s, Waiting: h.waiting(s.Name)})
		}
	}
	return lost
}
