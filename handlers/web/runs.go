package web

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/handlers/web/pages"
	"scrapelog/projections"
)

func (h *Handler) runs(c echo.Context) error {
	asked := pages.RunFilter{
		Status: c.QueryParam("status"), Scraper: c.QueryParam("scraper"), Trigger: c.QueryParam("trigger"),
		Short: c.QueryParam("short"), Since: c.QueryParam("since"), Until: c.QueryParam("until"), Cursor: c.QueryParam("cursor"),
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
	if asked.Scrapers, err = h.cfg.Queries.ScraperNames(ctx, pages.NamesListed+1); err != nil {
		return list, err
	}
	list = pages.RunList{Filter: asked, Runs: h.withHeard(page.Runs...), Next: page.Next}
	if list.Counts, err = h.cfg.Queries.Counts(ctx); err != nil || !asked.Narrowed() {
		return list, err
	}
	list.Within, err = h.cfg.Queries.CountsOf(ctx, filter, pages.Counted)
	return list, err
}

// filterOf is the filter that the URL's values ask for. What is not a status,
// a trigger or a cursor is found out by the query.
func filterOf(asked pages.RunFilter) (filter projections.RunFilter, err error) {
	filter = projections.RunFilter{Scraper: asked.Scraper, Trigger: domain.Trigger(asked.Trigger), Short: asked.Short == "true", Cursor: asked.Cursor}
	if asked.Short != "" && !filter.Short {
		return filter, &domain.FieldError{Field: "short", Problem: quoted(asked.Short) + " is not a filter", Want: "use true, or leave it out"}
	}
	if asked.Status != "" {
		filter.Statuses = []domain.RunStatus{domain.RunStatus(asked.Status)}
	}
	if filter.Since, err = instant("since", asked.Since); err != nil {
		return filter, err
	}
	filter.Until, err = instant("until", asked.Until)
	return filter, err
}
