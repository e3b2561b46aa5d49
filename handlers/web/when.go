package web

import (
	"context"
	"errors"
	"fmt"
	"time"

	"scrapelog/domain"
	"scrapelog/handlers/filter"
)

// instant reads a time of a form. One without a zone means UTC.
func (h *Handler) instant(ctx context.Context, field, text string) (time.Time, error) {
	when, err := filter.ParseWhen(field, text, h.cfg.Now().UTC())
	if err != nil {
		return time.Time{}, err
	}
	return h.timeOf(ctx, field, when)
}

// timeOf returns the time of an end of a span: for a position, when its event was
// recorded.
func (h *Handler) timeOf(ctx context.Context, field string, when filter.When) (time.Time, error) {
	if when.Position == 0 {
		return when.Time, nil
	}
	rec, err := h.cfg.Events.ByPosition(ctx, when.Position)
	if errors.Is(err, domain.ErrNotFound) {
		return time.Time{}, invalid(field, fmt.Sprintf("@%d", when.Position), "the log has no such event yet")
	}
	return rec.RecordedAt, err
}
