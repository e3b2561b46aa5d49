package api

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

type eventPage struct {
	Events []json.RawMessage `json:"events"`
	Next   int64             `json:"next,omitempty,string"` // the after of the page that follows
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
	position := func(r eventstore.Recorded) int64 { return r.Position }
	events, next, err := readPage(limit, asked.After, position, func(after int64, n int) ([]eventstore.Recorded, error) {
		asked.After, asked.Limit = after, n
		return h.Log.Read(c.Request().Context(), asked)
	})
	return answer(c, http.StatusOK, eventPage{events, next}, err)
}

func (h *Handler) showEvent(c echo.Context) error {
	s := c.Param("position")
	position, err := parseNumber(s)
	if err != nil || position < 1 {
		return &domain.FieldError{Field: "position", Problem: fmt.Sprintf("%.40q is not a position", s), Want: "use 1, 2, 3 …"}
	}
	event, err := h.Log.ByPosition(c.Request().Context(), position)
	return answer(c, http.StatusOK, event, err)
}
