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
	lostShown    = 20
	runningShown = 20
	wrongShown   = 8
	slotsShown   = 6
	pausedShown  = 10
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
	view.Refused = h.cfg.Audit.State().Refused
	for _, part := range []func(context.Context, *pages.Overview) error{h.overviewScrapers, h.overviewRuns} {
		if err := part(ctx, &view); err != nil {
			return view, err
		}
	}
	if view.Head, err = h.cfg.Events.Head(ctx); err != nil {
		return view, err
	}
	view.Groups, err = h.cfg.Groups(ctx)
	return view, err
}

func (h *Handler) overviewScrapers(ctx context.Context, view *pages.Overview) error {
	first, err := h.cfg.Queries.ScraperNames(ctx, 1)
	if err != nil {
		return err
	}
	lost, err := h.cfg.Queries.LostScrapers(ctx, lostShown+1)
	if err != nil {
		return err
	}
	view.Empty, view.MoreLost = len(first) == 0, len(lost) > lostShown
	for _, s := range lost[:min(len(lost), lostShown)] {
		view.Lost = append(view.Lost, pages.Loss{Scraper: s, Waiting: h.waiting(s.Name)})
	}
	paused, err := h.cfg.Queries.PausedScrapers(ctx, pausedShown+1)
	if err != nil {
		return err
	}
	view.Paused, view.MorePaused = paused[:min(len(paused), pausedShown)], len(paused) > pausedShown
	view.Due, err = h.cfg.Queries.NextScrapers(ctx, slotsShown)
	return err
}

func (h *Handler) overviewRuns(ctx context.Context, view *pages.Overview) (err error) {
	if view.Counts, err = h.cfg.Queries.Counts(ctx); err != nil {
		return err
	}
	open, err := h.cfg.Queries.Runs(ctx, projections.RunFilter{Statuses: []domain.RunStatus{domain.StatusRunning}, Limit: runningShown})
	if err != nil {
		return err
	}
	wrong, err := h.cfg.Queries.Runs(ctx, projections.RunFilter{
		Statuses: []domain.RunStatus{domain.StatusFailed, domain.StatusConnectionFailed}, Limit: wrongShown,
	})
	view.Running, view.Wrong, view.MoreRunning = h.withHeard(open.Runs...), h.withHeard(wrong.Runs...), open.Next != ""
	return err
}
