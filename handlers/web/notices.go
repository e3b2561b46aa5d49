package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"scrapelog/eventstore/outbox"
	"scrapelog/handlers/web/pages"
)

// noticesShown is how many notices the page lists, the newest.
const noticesShown = 100

// notices lists the newest notices and, before them, those that were given up.
func (h *Handler) notices(c echo.Context) error {
	var list pages.NoticeList
	if h.cfg.Notices != nil {
		var err error
		ctx := c.Request().Context()
		if list.GivenUp, err = h.cfg.Notices.List(ctx, outbox.Filter{States: []outbox.State{outbox.StateGivenUp}, Limit: noticesShown}); err != nil {
			return err
		}
		if list.Newest, err = h.cfg.Notices.List(ctx, outbox.Filter{Limit: noticesShown}); err != nil {
			return err
		}
	}
	chrome, err := h.chrome(c, "/projections", "Notices", pages.RefreshWhile(false))
	if err != nil {
		return err
	}
	return send(c, http.StatusOK, pages.NoticesPage(chrome, list))
}
