package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

type eventPage struct {
	Events []json.RawMessage `json:"events"`
	Next   string            `json:"next,omitempty"` // the after of the page that follows
}

func (h *Handler) listEvents(c echo.Context) error {
	q := readQuery(c.Request())
	limit := q.limit()
	asked := eventstore.Query{
		After: q.position("after"), Until: q.position("until"),
		Types: q.types(), Stream: q.text("stream"),
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
	events, more, err := readPage(limit, func(last *eventstore.Recorded, n int) ([]eventstore.Recorded, error) {
		if asked.Limit = n; last != nil {
			asked.After = last.Position
		}
		return h.Log.Read(c.Request().Context(), asked)
	})
	if err != nil {
		return err
	}
	page := eventPage{Events: events.json}
	if more {
		page.Next = strconv.FormatInt(events.last.Position, 10)
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
