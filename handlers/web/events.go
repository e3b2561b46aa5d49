package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/web/pages"
)

// eventsShown is a page of the log.
const eventsShown = 50

func (h *Handler) events(c echo.Context) error {
	query, err := logQuery(c.QueryParams())
	if err != nil {
		return err
	}
	refresh := pages.RefreshOnAny
	if !newest(query) {
		refresh = "" // only the newest end moves
	}
	chrome, err := h.chrome(c, "/events", "Events", refresh)
	if err != nil {
		return err
	}
	list, err := h.eventList(c.Request().Context(), query)
	if err != nil {
		return err
	}
	return send(c, http.StatusOK, pages.EventListPage(chrome, list))
}

// logQuery is the page of the log that a URL asks for: after a position, oldest
// first, or up to one, newest first; by itself the newest.
func logQuery(values url.Values) (q eventstore.Query, err error) {
	q = eventstore.Query{Types: values["type"], Stream: values.Get("stream"), Limit: eventsShown + 1}
	for _, t := range q.Types {
		if !slices.Contains(domain.EventTypes, t) {
			return q, invalid("type", t, "use the name of an event, such as run.started")
		}
	}
	if q.Until, err = positionIn(values, "until", 1); err != nil {
		return q, err
	}
	q.After, err = positionIn(values, "after", 0)
	q.Backward = !values.Has("after")
	return q, err
}

func positionIn(values url.Values, field string, least int64) (int64, error) {
	if !values.Has(field) {
		return 0, nil
	}
	position, err := strconv.ParseInt(values.Get(field), 10, 64)
	if err != nil || position < least {
		return 0, invalid(field, values.Get(field), "use a position in the log: 1, 2, 3 …")
	}
	return position, nil
}

func newest(q eventstore.Query) bool { return q.Backward && q.Until == 0 }

// eventList reads one event more than it shows, to know whether there is more.
func (h *Handler) eventList(ctx context.Context, q eventstore.Query) (list pages.EventList, err error) {
	if list.Head, err = h.cfg.Events.Head(ctx); err != nil {
		return list, err
	}
	records, err := h.cfg.Events.Read(ctx, q)
	if err != nil {
		return list, err
	}
	more := len(records) > eventsShown
	records = records[:min(len(records), eventsShown)]
	if q.Backward {
		list.Newest, list.Oldest = newest(q), !more
	} else {
		list.Newest, list.Oldest = !more, q.After == 0
		slices.Reverse(records)
	}
	list.Events, list.Types, list.Stream = pages.NewEvents(records), q.Types, q.Stream
	return list, nil
}

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
