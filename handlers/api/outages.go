package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"scrapelog/projections"
)

type outagePage struct {
	Outages []projections.Outage `json:"outages"`
	Next    string               `json:"next,omitempty"`
}

func (h *Handler) listOutages(c echo.Context) error {
	q := readQuery(c.Request())
	filter := projections.OutageFilter{
		Open: q.flag("open"), Origin: q.text("origin"), Scraper: q.scraper(),
		Since: q.time("since"), Until: q.time("until"), Cursor: q.text("cursor"), Limit: q.limit(),
	}
	if q.err != nil {
		return q.err
	}
	page, err := h.Views.Outages(c.Request().Context(), filter)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, outagePage(page))
}

func (h *Handler) showOutage(c echo.Context) error {
	ctx := c.Request().Context()
	id, err := h.Views.FindOutage(ctx, "id", c.Param("id"))
	if err != nil {
		return err
	}
	outage, err := h.Views.Outage(ctx, id)
	return answer(c, http.StatusOK, outage, err)
}
