package web

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/handlers/web/pages"
	"scrapelog/projections"
)

func (h *Handler) runs(c echo.Context) error {
	asked := pages.RunFilter{
		Status: c.QueryParam("status"), Scraper: c.QueryParam("scraper"), Trigger: c.QueryParam("trigger"),
		Since: c.QueryParam("since"), Until: c.QueryParam("until"), Cursor: c.QueryParam("cursor"),
	}
	filter, err := filterOf(asked)
	if err != nil {
		return err
	}
	refresh := pages.RefreshOnAny
	if asked.Cursor != "" {
		refresh = "" // an older page does not move under its reader; its cells still follow
	}
	chrome, err := h.chrome(c, "/runs", "Runs", refresh)
	if err != nil {
		return err
	}
	list, err := h.runList(c.Request().Context(), asked, filter)
	if err != nil {
		return err
	}
	return send(c, http.StatusOK, pages.RunListPage(chrome, list))
}

func (h *Handler) runList(ctx context.Context, asked pages.RunFilter, filter projections.RunFilter) (list pages.RunList, err error) {
	page, err := h.cfg.Queries.Runs(ctx, filter)
	if err != nil {
		return list, err
	}
	scrapers, err := h.cfg.Queries.Scrapers(ctx)
	if err != nil {
		return list, err
	}
	for _, s := range scrapers {
		asked.Scrapers = append(asked.Scrapers, s.Name)
	}
	list = pages.RunList{Filter: asked, Runs: h.withHeard(page.Runs...), Next: page.Next}
	list.Counts, err = h.cfg.Queries.Counts(ctx)
	return list, err
}

// filterOf is the filter that the URL's values ask for. What is not a status,
// a trigger or a cursor is found out by the query.
func filterOf(asked pages.RunFilter) (filter projections.RunFilter, err error) {
	filter = projections.RunFilter{Scraper: asked.Scraper, Trigger: domain.Trigger(asked.Trigger), Cursor: asked.Cursor}
	if asked.Status != "" {
		filter.Statuses = []domain.RunStatus{domain.RunStatus(asked.Status)}
	}
	if filter.Since, err = instant("since", asked.Since); err != nil {
		return filter, err
	}
	filter.Until, err = instant("until", asked.Until)
	return filter, err
}

// instant reads a time as the form sends it, which is without a zone and means
// UTC, or as RFC 3339.
func instant(field, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", time.RFC3339, "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, invalid(field, text, "use a UTC time such as 2026-11-23T12:00 or RFC 3339")
}

func (h *Handler) run(c echo.Context) error {
	id, err := runID(c)
	if err != nil {
		return err
	}
	chrome, err := h.chrome(c, "/runs", "Run", "")
	if err != nil {
		return err
	}
	page, err := h.runPage(c.Request().Context(), id)
	if err != nil {
		return err
	}
	chrome.Title = "Run of " + page.Scraper
	chrome.Refresh = pages.RefreshOnRun(id, page.Status == domain.StatusRunning)
	return send(c, http.StatusOK, pages.RunPageOf(chrome, page))
}

func (h *Handler) runPage(ctx context.Context, id uuid.UUID) (page pages.RunPage, err error) {
	run, err := h.cfg.Queries.Run(ctx, id)
	if err != nil {
		return page, err
	}
	records, err := h.cfg.Events.ReadStream(ctx, domain.RunStream(id), 0)
	if err != nil {
		return page, err
	}
	page = pages.RunPage{Run: h.withHeard(run)[0], Events: pages.NewEvents(records)}
	if run.RecoveredBy != uuid.Nil {
		if page.Next, err = h.cfg.Queries.Run(ctx, run.RecoveredBy); err != nil {
			return page, err
		}
	}
	if run.Status == domain.StatusConnectionFailed {
		err = h.addRecovery(ctx, &page)
	}
	return page, err
}

// addRecovery says whether the loss still stands, and what it waits for.
func (h *Handler) addRecovery(ctx context.Context, page *pages.RunPage) error {
	scraper, err := h.cfg.Queries.Scraper(ctx, page.Scraper)
	if err != nil {
		return err
	}
	page.Standing = scraper.LostRun == page.ID
	if page.Standing {
		page.Waiting = pages.WaitingText(pages.Loss{Scraper: scraper, Waiting: h.waiting(page.Scraper)})
	}
	return nil
}
