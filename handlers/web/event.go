package web

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/web/pages"
)

func (h *Handler) event(c echo.Context) error {
	position, err := strconv.ParseInt(c.Param("position"), 10, 64)
	if err != nil {
		return fmt.Errorf("event %s: %w", quoted(c.Param("position")), domain.ErrNotFound)
	}
	ctx := c.Request().Context()
	chrome, err := h.chrome(c, "/events", fmt.Sprintf("Event %d", position), "")
	if err != nil {
		return err
	}
	head, err := h.cfg.Events.Head(ctx)
	if err != nil {
		return err
	}
	if position > head {
		return fmt.Errorf("event %d is beyond the head of the log, which is %d: %w", position, head, domain.ErrNotFound)
	}
	rec, err := h.cfg.Events.ByPosition(ctx, position)
	if err != nil {
		return err
	}
	return send(c, http.StatusOK, pages.EventPageOf(chrome, pages.EventPage{Event: pages.NewEvent(rec), Head: head}))
}

func (h *Handler) stream(c echo.Context) error {
	name := c.Param("name")
	chrome, err := h.chrome(c, "/events", "Stream", pages.RefreshOn(name))
	if err != nil {
		return err
	}
	records, err := h.cfg.Events.Read(c.Request().Context(), eventstore.Query{Stream: name, Limit: streamShown})
	if err != nil {
		return err
	}
	if len(records) == 0 {
		return fmt.Errorf("stream %s: %w", quoted(name), domain.ErrNotFound)
	}
	return send(c, http.StatusOK, pages.StreamPage(chrome, pages.Stream{Name: name, Events: pages.NewEvents(records)}))
}

// streamShown bounds a stream's page. Runs have a handful of events; the log's
// own page goes on where a long-lived scraper has more.
const streamShown = 500
