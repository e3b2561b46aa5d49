package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"scrapelog/eventstore/outbox"
)

// Notices is the outbox as the API serves it.
type Notices interface {
	List(ctx context.Context, f outbox.Filter) ([]outbox.Notice, error)
	Get(ctx context.Context, id uuid.UUID) (outbox.Notice, error)
	// Find returns the id that a part of it names.
	Find(ctx context.Context, field, part string) (uuid.UUID, error)
	Retry(ctx context.Context, id uuid.UUID, now time.Time) (outbox.Notice, error)
	// Test sends a test to the channel, or to each one if it is empty, and returns how
	// that ended.
	Test(ctx context.Context, channel string) ([]outbox.Notice, error)
}

type noticePage struct {
	Notices []json.RawMessage `json:"notices"`
	Next    int64             `json:"next,omitempty,string"`
}

func (h *Handler) listNotices(c echo.Context) error {
	q := readQuery(c.Request())
	filter := outbox.Filter{Channel: q.text("channel"), Kind: outbox.Kind(q.text("kind")), Since: q.time("since"), Until: q.time("until"), Before: q.position("cursor")}
	for _, s := range q.texts("state") {
		filter.States = append(filter.States, outbox.State(s))
		q.check(outbox.State(s).Check("state"))
	}
	if filter.Kind != "" && filter.Kind != outbox.KindTest {
		q.check(filter.Kind.Check("kind"))
	}
	limit := q.limit()
	if q.err != nil {
		return q.err
	}
	place := func(n outbox.Notice) int64 { return n.Seq }
	notices, next, err := readPage(limit, filter.Before, place, func(before int64, n int) ([]outbox.Notice, error) {
		filter.Before, filter.Limit = before, n
		return h.Notices.List(c.Request().Context(), filter)
	})
	return answer(c, http.StatusOK, noticePage{notices, next}, err)
}

func (h *Handler) showNotice(c echo.Context) error {
	ctx := c.Request().Context()
	id, err := h.Notices.Find(ctx, "id", c.Param("id"))
	if err != nil {
		return err
	}
	notice, err := h.Notices.Get(ctx, id)
	return answer(c, http.StatusOK, notice, err)
}

func (h *Handler) retryNotice(c echo.Context) error {
	ctx := c.Request().Context()
	id, err := h.Notices.Find(ctx, "id", c.Param("id"))
	if err != nil {
		return err
	}
	notice, err := h.Notices.Retry(ctx, id, time.Now())
	return answer(c, http.StatusOK, notice, err)
}

func (h *Handler) testNotices(c echo.Context) error {
	var body struct {
		Channel string `json:"channel"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	tests, err := h.Notices.Test(c.Request().Context(), body.Channel)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string][]outbox.Notice{"notices": append([]outbox.Notice{}, tests...)})
}
