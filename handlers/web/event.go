package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
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
	if err := inLog(position, head); err != nil {
		return err
	}
	page, err := h.eventPage(ctx, position)
	if err != nil {
		return err
	}
	page.Head = head
	return send(c, http.StatusOK, pages.EventPageOf(chrome, page))
}

func (h *Handler) eventPage(ctx context.Context, position int64) (page pages.EventPage, err error) {
	rec, err := h.cfg.Events.ByPosition(ctx, position)
	if err != nil {
		return page, err
	}
	page.Event = pages.NewEvent(rec)
	page.Run, _ = domain.RunOfStream(rec.Stream)
	if page.Cause, err = h.cause(ctx, rec); err != nil {
		return page, err
	}
	if page.Effects, err = h.effects(ctx, rec); err != nil {
		return page, err
	}
	page.Inclusion, err = h.inclusion(ctx, position)
	return page, err
}

// near is how many events before and after an event are searched for its cause and its
// effects. A reaction follows its cause at once, unless its instance was stopped.
// readBytes bounds how many large events, such as configurations, are read.
const near = 1000

func (h *Handler) cause(ctx context.Context, rec eventstore.Recorded) (*pages.Event, error) {
	id := rec.Metadata["causation_id"]
	if id == "" || rec.Position == 1 {
		return nil, nil
	}
	before, err := h.cfg.Events.Read(ctx, eventstore.Query{Until: rec.Position - 1, Backward: true, Limit: near, Bytes: readBytes})
	for _, candidate := range before {
		if candidate.ID.String() == id {
			cause := pages.NewEvent(candidate)
			return &cause, err
		}
	}
	return nil, err
}

func (h *Handler) effects(ctx context.Context, rec eventstore.Recorded) ([]pages.Event, error) {
	after, err := h.cfg.Events.Read(ctx, eventstore.Query{After: rec.Position, Limit: near, Bytes: readBytes})
	caused := slices.DeleteFunc(after, func(r eventstore.Recorded) bool { return r.Metadata["causation_id"] != rec.ID.String() })
	return pages.NewEvents(caused), err
}

func (h *Handler) stream(c echo.Context) error {
	name, err := h.streamInPath(c)
	if err != nil {
		return err
	}
	if c.Param("name") != name {
		return to(c, "/streams/"+name)
	}
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
