package api

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

type eventPage struct {
	Events []eventstore.Recorded `json:"events"`
	Next   string                `json:"next,omitempty"` // the after of the page that follows
}

// listEvents reads one event more than it was asked for, to know whether there
// is a next page.
func (h *Handler) listEvents(c echo.Context) error {
	q := readQuery(c.Request())
	limit := q.limit()
	asked := eventstore.Query{
		After: q.position("after"), Until: q.position("until"),
		Types: q.texts("type"), Stream: q.text("stream"), Limit: limit + 1,
	}
	if q.err != nil {
		return q.err
	}
	if domain.NamesRunStream(asked.Stream) {
		run, err := h.Views.FindRun(c.Request().Context(), "stream", asked.Stream)
		if err != nil {
			return err
		}
		asked.Stream = domain.RunStream(run)
	}
	events, err := h.Log.Read(c.Request().Context(), asked)
	if err != nil {
		return err
	}
	page := eventPage{Events: events}
	if len(events) > limit {
		page.Events = events[:limit]
		page.Next = strconv.FormatInt(events[limit-1].Position, 10)
	}
	if page.Events == nil {
		page.Events = []eventstore.Recorded{}
	}
	return c.JSON(http.StatusOK, page)
}

func (h *Handler) showEvent(c echo.Context) error {
	s := c.Param("position")
	position, err := parseNumber(s)
	if err != nil || position < 1 {
		return &domain.FieldError{Field: "position", Problem: fmt.Sprintf("%.40q is not a position", s), Want: "use 1, 2, 3 …"}
	}
	event, err := h.Log.ByPosition(c.Request().Context(), position)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, event)
}
