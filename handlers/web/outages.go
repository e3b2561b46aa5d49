package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/handlers/web/pages"
	"scrapelog/projections"
)

// runsOfOutage is how many of the runs that were lost in an outage its page lists.
const runsOfOutage = 100

// openOutages is how many open outages are counted into the days.
const openOutages = projections.MaxLimit

func (h *Handler) outageList(c echo.Context) error {
	ctx := c.Request().Context()
	list := pages.OutageList{Open: c.QueryParam("open"), Since: c.QueryParam("since"), Until: c.QueryParam("until"), Cursor: c.QueryParam("cursor")}
	filter := projections.OutageFilter{Cursor: list.Cursor}
	var err error
	if filter.Since, err = h.instant(ctx, "since", list.Since); err != nil {
		return err
	}
	if filter.Until, err = h.instant(ctx, "until", list.Until); err != nil {
		return err
	}
	switch open := list.Open == "true"; list.Open {
	case "":
	case "true", "false":
		filter.Open = &open
	default:
		return &domain.FieldError{Field: "open", Problem: quoted(list.Open) + " is neither true nor false", Want: "use true or false"}
	}
	refresh := pages.RefreshOnAny
	if list.Cursor != "" {
		refresh = "" // an older page does not move under its reader
	}
	chrome, err := h.chrome(c, "/outages", "Outages", refresh)
	if err != nil {
		return err
	}
	page, err := h.cfg.Queries.Outages(ctx, filter)
	if err != nil {
		return err
	}
	list.Outages, list.Next = page.Outages, page.Next
	if list.Year, err = h.outageYear(ctx, chrome.Now); err != nil {
		return err
	}
	return send(c, http.StatusOK, pages.OutageListPage(chrome, list))
}

// outageYear is what the days of the last year had of outages.
func (h *Handler) outageYear(ctx context.Context, now time.Time) (y pages.OutageYear, err error) {
	y.Now = now
	if y.Days, err = h.cfg.Queries.OutageDays(ctx, y.From()); err != nil {
		return y, err
	}
	open := true
	page, err := h.cfg.Queries.Outages(ctx, projections.OutageFilter{Open: &open, Limit: openOutages})
	y.Open, y.More = page.Outages, page.Next != ""
	return y, err
}

func (h *Handler) outage(c echo.Context) error {
	ctx := c.Request().Context()
	if _, err := domain.ParseIDPart("id", c.Param("id")); err != nil {
		return fmt.Errorf("outage %s: %w", quoted(c.Param("id")), domain.ErrNotFound)
	}
	id, err := h.cfg.Queries.FindOutage(ctx, "id", c.Param("id"))
	if err != nil {
		return err
	}
	path := "/outages/" + id.String()
	if c.Request().URL.Path != path {
		return to(c, path)
	}
	chrome, err := h.chrome(c, "/outages", "Outage "+domain.ShortID(id), pages.RefreshOnAny)
	if err != nil {
		return err
	}
	page := pages.OutagePage{}
	if page.Outage, err = h.cfg.Queries.Outage(ctx, id); err != nil {
		return err
	}
	runs, err := h.cfg.Queries.RunsOfOutage(ctx, id, runsOfOutage)
	if err != nil {
		return err
	}
	page.Runs = h.withHeard(runs...)
	return send(c, http.StatusOK, pages.OutagePageOf(chrome, page))
}
