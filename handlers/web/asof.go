package web

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/web/pages"
	"scrapelog/projections"
)

// asOf returns a run's page as it stood after its n-th event, or after the event at a
// position or the last one that had been recorded by a time. The n-th of n is the present.
func (h *Handler) asOf(ctx context.Context, now pages.RunPage, asked url.Values) (pages.RunPage, error) {
	if text := asked.Get("step"); text != "" {
		step, err := strconv.Atoi(text)
		switch {
		case err != nil || step < 1 || step > len(now.Events):
			return now, invalid("step", text, fmt.Sprintf("use the number of one of the run's events, 1 to %d", len(now.Events)))
		case step == len(now.Events):
			return now, nil
		}
		return then(now, now.Events[step-1].Recorded, step)
	}
	text := asked.Get("at")
	if text == "" {
		return now, nil
	}
	position, err := h.positionOf(ctx, text)
	if err != nil {
		return now, err
	}
	last, err := h.cfg.Events.ByPosition(ctx, position)
	if err != nil {
		return now, err
	}
	told := 0
	for told < len(now.Events) && now.Events[told].Position <= position {
		told++
	}
	if told == 0 {
		return now, fmt.Errorf("the run had not started at event %d; its first event is %d: %w",
			position, now.Events[0].Position, domain.ErrNotFound)
	}
	return then(now, last, told)
}

// then folds the first events of a run's page. The chain is drawn as it is now, with what
// came later under a shade.
func then(now pages.RunPage, last eventstore.Recorded, told int) (page pages.RunPage, err error) {
	page = pages.RunPage{
		Events: now.Events[:told], Chain: now.Chain,
		AsOf: &pages.AsOf{Position: last.Position, At: last.RecordedAt, Step: told, Of: len(now.Events), Now: now.Run.Run},
	}
	if page.Run.Run, err = projections.RunAsOf(recordsOf(page.Events)); err != nil {
		return page, err
	}
	if now.Next.ID != uuid.Nil && now.Next.StartPosition <= last.Position {
		page.RecoveredBy, page.Next = now.RecoveredBy, now.Next
	}
	return page, nil
}

func recordsOf(events []pages.Event) []eventstore.Recorded {
	records := make([]eventstore.Recorded, len(events))
	for i, e := range events {
		records[i] = e.Recorded
	}
	return records
}

// positionOf reads a position, or a time and finds the position then.
func (h *Handler) positionOf(ctx context.Context, text string) (int64, error) {
	if position, err := strconv.ParseInt(text, 10, 64); err == nil {
		head, err := h.cfg.Events.Head(ctx)
		return position, errors.Join(err, inLog(position, head))
	}
	t, err := h.instant(ctx, "at", text)
	if err != nil {
		return 0, invalid("at", text, "use a position in the log, or a UTC time such as 2026-11-23T12:00")
	}
	next, err := h.cfg.Events.FirstSince(ctx, t)
	switch {
	case err != nil:
		return 0, err
	case next == 1:
		return 0, fmt.Errorf("the log had no events at %s: %w", pages.Instant(t), domain.ErrNotFound)
	}
	return next - 1, nil
}

// inLog refuses positions that the log does not have.
func inLog(position, head int64) error {
	switch {
	case position < 1:
		return fmt.Errorf("event %d: positions begin at 1: %w", position, domain.ErrNotFound)
	case position > head:
		return fmt.Errorf("event %d is beyond the head of the log, which is %d: %w", position, head, domain.ErrNotFound)
	}
	return nil
}
