package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/access"
	"scrapelog/handlers/problem"
)

// positionHeader carries how far the log had come when a write was answered.
const positionHeader = "X-Log-Position"

const (
	maxPosition = math.MaxInt64
	patience    = 5 * time.Second // how long a read waits for at_least
	readBack    = time.Second     // how long a write waits to read itself back
)

// The consumer groups whose read models the API serves.
const (
	runsGroup     = "runs"
	scrapersGroup = "scrapers"
	outagesGroup  = "outages"
	lanesGroup    = "lanes"
	noticesGroup  = "notices"
)

// write passes a command to its handler and puts the log's position into the response:
// that of its last event, or the head if nothing had to change.
func (h *Handler) write(c echo.Context, command domain.Command) ([]eventstore.Recorded, int64, error) {
	ctx := c.Request().Context()
	recorded, err := h.Handle(ctx, command, h.origin(c.Request()))
	if err != nil {
		return nil, 0, err
	}
	last := int64(0)
	if n := len(recorded); n > 0 {
		last = recorded[n-1].Position
	}
	position, err := h.reachedAt(c, last)
	return recorded, position, err
}

// reachedAt puts the position of a write into the response, and returns it: the head for 0,
// where nothing had to change.
func (h *Handler) reachedAt(c echo.Context, position int64) (_ int64, err error) {
	if position == 0 {
		position, err = h.Log.Head(c.Request().Context())
	}
	c.Response().Header().Set(positionHeader, strconv.FormatInt(position, 10))
	return position, err
}

// answer answers with a value, or returns what kept it from being read.
func answer(c echo.Context, status int, value any, err error) error {
	if err != nil {
		return err
	}
	return c.JSON(status, value)
}

// written answers a write that has nothing to show.
func (h *Handler) written(c echo.Context, position int64, err error) error {
	if err == nil {
		_, err = h.reachedAt(c, position)
	}
	if err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// actor returns who makes a request, as the log names them.
func actor(r *http.Request) string { return access.From(r.Context()).Actor("user:api") }

func (h *Handler) origin(r *http.Request) domain.Origin {
	return domain.Origin{Actor: actor(r), Traceparent: r.Header.Get("Traceparent")}
}

// settled waits until a read model has the write at position. It returns false if the
// read model is late; the answer then goes without it.
func (h *Handler) settled(ctx context.Context, group string, position int64) bool {
	ctx, cancel := context.WithTimeout(ctx, readBack)
	defer cancel()
	return h.Log.WaitFor(ctx, group, position) == nil
}

// atLeast delays a read until its read model has reached at_least=POS.
func (h *Handler) atLeast(wait func(ctx context.Context, position int64) error) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			q := readQuery(c.Request())
			position := q.position("at_least")
			if q.err != nil {
				return q.err
			}
			if position > 0 {
				if err := patient(c.Request().Context(), position, wait); err != nil {
					return err
				}
			}
			return next(c)
		}
	}
}

func patient(ctx context.Context, position int64, wait func(context.Context, int64) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := wait(ctx, position)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return problem.New(problem.Behind, fmt.Sprintf("position %d was not reached within %s", position, patience))
	}
	return err
}

func (h *Handler) inView(group string) func(context.Context, int64) error {
	return func(ctx context.Context, position int64) error { return h.Log.WaitFor(ctx, group, position) }
}

// inLog waits for the log itself: another instance may have answered the write.
func (h *Handler) inLog(ctx context.Context, position int64) error {
	woken, stop := h.Log.Wake()
	defer stop()
	for {
		head, err := h.Log.Head(ctx)
		if err != nil || head >= position {
			return err
		}
		select {
		case <-woken:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
