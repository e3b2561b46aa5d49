package web

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/handlers/filter"
	"scrapelog/handlers/web/pages"
)

// runs lists runs. A term of the filter that is wrong makes the answer a 400, on which
// the others apply.
func (h *Handler) runs(c echo.Context) error {
	list := pages.RunList{Runs: filter.ParseRuns(runFilter(c), h.cfg.Now().UTC()), Cursor: c.QueryParam("cursor")}
	refresh := pages.RefreshRows
	if list.Cursor != "" {
		refresh = "" // an older page does not move under its reader; its cells still follow
	}
	chrome, err := h.chrome(c, "/runs", "Runs", refresh)
	if err != nil {
		return err
	}
	if err := h.runList(c.Request().Context(), &list); err != nil {
		return err
	}
	status := http.StatusOK
	if list.Err() != nil {
		status = http.StatusBadRequest
	}
	return send(c, status, pages.RunListPage(chrome, list))
}

// runFilter is the text of a page's filter, and the terms that its URL gives one by one.
func runFilter(c echo.Context) string {
	text := c.QueryParams()["q"]
	for _, key := range filter.Keys {
		for _, value := range c.QueryParams()[key] {
			if value != "" {
				text = append(text, filter.NewTerm(key, value).String())
			}
		}
	}
	return strings.Join(text, " ")
}

func (h *Handler) runList(ctx context.Context, list *pages.RunList) (err error) {
	chosen := &list.Filter
	if chosen.Since, err = h.timeOf(ctx, "since", list.Since); err != nil {
		return err
	}
	if chosen.Until, err = h.timeOf(ctx, "until", list.Until); err != nil {
		return err
	}
	chosen.Cursor = list.Cursor
	page, err := h.cfg.Queries.Runs(ctx, *chosen)
	if err != nil {
		return err
	}
	list.Shown, list.Next, list.Search, list.More = h.withHeard(page.Runs...), page.Next, page.Scrapers, page.More
	if list.Names, err = h.cfg.Queries.ScraperNames(ctx, pages.NamesListed+1); err != nil {
		return err
	}
	if chosen.Scraper != "" && len(page.Runs) == 0 {
		if _, err := h.cfg.Queries.Scraper(ctx, chosen.Scraper); errors.Is(err, domain.ErrNotFound) {
			list.Missing = chosen.Scraper
		}
	}
	if list.Counts, err = h.cfg.Queries.Counts(ctx); err != nil || !pages.Narrowed(list.Runs) {
		return err
	}
	list.Within, err = h.cfg.Queries.CountsOf(ctx, *chosen, pages.Counted)
	return err
}
