package web

import (
	"context"
	"sort"
	"time"
)

// instant reads a time as the form sends it, which is without a zone and means
// UTC, or as RFC 3339.
func instant(field, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", time.RFC3339, "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, invalid(field, text, "use a UTC time such as 2026-11-23T12:00 or RFC 3339")
}

// firstSince is the position of the first event recorded at or after t, one past
// the head when there is none. Positions are given out in the order of time.
func (h *Handler) firstSince(ctx context.Context, t time.Time) (int64, error) {
	head, err := h.cfg.Events.Head(ctx)
	if err != nil {
		return 0, err
	}
	before := sort.Search(int(head), func(i int) bool {
		rec, e := h.cfg.Events.ByPosition(ctx, int64(i)+1)
		if e != nil {
			err = e
		}
		return e != nil || !rec.RecordedAt.Before(t)
	})
	return int64(before) + 1, err
}
