package api

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"scrapelog/handlers/live"
	"scrapelog/handlers/sse"
)

// watchChanges streams state and then changes. While it is open the watcher is present,
// and the runs attached to it go on.
func (h *Handler) watchChanges(c echo.Context) error {
	q := readQuery(c.Request())
	id := q.watcher("id")
	if q.err != nil {
		return q.err
	}
	if c.Request().Method == http.MethodHead {
		return sse.Head(c.Response())
	}
	ctx, leave, err := stream(c.Request().Context(), h.done)
	if err != nil {
		return err
	}
	defer leave()
	messages, err := h.Watch(ctx, id)
	if errors.Is(err, live.ErrClosed) {
		return errShuttingDown
	}
	if err != nil {
		return err
	}
	w := sse.NewWriter(c.Response())
	if w.Open() != nil {
		return nil
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case m, open := <-messages:
			if !open || w.Send(m.Event, "", m.Data) != nil {
				return nil
			}
		}
	}
}
