package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/google/uuid"
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
	page.Event = pages.NewEvent(rec, h.nameOf)
	page.Run, _ = domain.RunOfStream(rec.Stream)
	if page.Cause, err = h.cause(ctx, rec); err != nil {
		return page, err
	}
	if page.Effects, err = h.effects(ctx, rec, page.Is); err != nil {
		return page, err
	}
	page.Inclusion, err = h.inclusion(ctx, position)
	return page, err
}

// effectsShown bounds how many events after one its page looks through in each stream
// that may hold its effects.
const effectsShown = 20

// cause returns the event that led to another; nil: none did, or it is in another log.
func (h *Handler) cause(ctx context.Context, rec eventstore.Recorded) (*pages.Event, error) {
	id, err := uuid.Parse(rec.Metadata["causation_id"])
	if err != nil {
		return nil, nil
	}
	before, err := h.cfg.Events.ByID(ctx, id)
	if errors.Is(err, domain.ErrNotFound) {
		return nil, nil
	}
	cause := pages.NewEvent(before, h.nameOf)
	return &cause, err
}

// effects returns the events that another led to. They are in its own stream or, of an
// event that the saga reacts to, in that of the new run or of the scraper.
func (h *Handler) effects(ctx context.Context, rec eventstore.Recorded, e domain.Event) ([]pages.Event, error) {
	streams := []string{rec.Stream}
	for _, command := range domain.Rescrape(e, rec.ID) {
		if start, ok := command.(domain.StartScrape); ok {
			streams = append(streams, domain.RunStream(start.RunID), domain.ScraperStream(start.Scraper))
		}
	}
	if restored, ok := e.(domain.ConnectionRestored); ok {
		lost, err := h.cfg.Queries.Run(ctx, restored.RunID)
		if err != nil && !errors.Is(err, domain.ErrNotFound) {
			return nil, err
		}
		streams = append(streams, domain.RunStream(lost.RecoveredBy))
	}
	slices.Sort(streams)
	var caused []eventstore.Recorded
	for _, stream := range slices.Compact(streams) {
		after, err := h.cfg.Events.Read(ctx, eventstore.Query{Stream: stream, After: rec.Position, Limit: effectsShown, Bytes: readBytes})
		if err != nil {
			return nil, err
		}
		for _, r := range after {
			if r.Metadata["causation_id"] == rec.ID.String() {
				caused = append(caused, r)
			}
		}
	}
	return pages.NewEvents(caused, h.nameOf), nil
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
	stream := pages.Stream{Name: name, Events: pages.NewEvents(records, h.nameOf)}
	if stream.Open, err = positionIn(c.QueryParams(), "open", 1); err != nil {
		return err
	}
	return send(c, http.StatusOK, pages.StreamPage(chrome, stream))
}

// streamShown bounds a stream's page. Runs have a handful of events; the log's
// own page goes on where a long-lived scraper has more.
const streamShown = 200
