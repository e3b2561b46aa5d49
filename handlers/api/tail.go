package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"scrapelog/eventstore"
	"scrapelog/handlers/sse"
)

const (
	beatEvery = 5 * time.Second
	tailPage  = 200 // events a tail reads at a time
)

// tailEvents streams the log from a position on, for as long as the client stays. The
// position of the last event that was sent is all its state, so neither a
// missed wake-up nor a page boundary can make it skip one; a beat looks again.
func (h *Handler) tailEvents(c echo.Context) error {
	after, err := resumeFrom(c.Request())
	if err != nil {
		return err
	}
	if c.Request().Method == http.MethodHead {
		return sse.Head(c.Response())
	}
	ctx, leave, err := stream(c.Request().Context(), h.done)
	if err != nil {
		return err
	}
	defer leave()
	h.tails.Add(1)
	defer h.tails.Add(-1)
	woken, stop := h.Log.Wake() // before the first read: nothing falls between the two
	defer stop()
	t := tail{log: h.Log, after: after, woken: woken}
	if err := t.read(ctx); err != nil {
		return err // nothing was sent yet: the client gets a problem document
	}
	t.to = sse.NewWriter(c.Response())
	if err := t.follow(ctx); ctx.Err() == nil {
		return err
	}
	return nil
}

// resumeFrom lets Last-Event-ID win: a client that reconnects repeats its first URL.
func resumeFrom(r *http.Request) (int64, error) {
	q := readQuery(r)
	after := q.position("after")
	if id := r.Header.Get("Last-Event-Id"); id != "" {
		seen, err := parseNumber(id)
		if err != nil {
			q.refuse("Last-Event-ID", "is not a position", "send the id of the last event that arrived")
		}
		after = seen
	}
	return after, q.err
}

// tail is one client's place in the log.
type tail struct {
	log   Log
	to    *sse.Writer
	after int64 // the last position that was sent
	page  []eventstore.Recorded
	woken <-chan struct{}
}

// follow sends what was read and reads on, until the client or the log fails.
// A client that left is no error.
func (t *tail) follow(ctx context.Context) error {
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	if t.to.Open() != nil {
		return nil
	}
	for {
		last := t.query().Last(t.page)
		if sent, err := t.send(); err != nil || !sent {
			return err
		}
		if last {
			select {
			case <-ctx.Done():
				return nil
			case <-t.woken:
			case <-beat.C:
				if t.to.Comment("beat") != nil {
					return nil
				}
			}
		}
		if err := t.read(ctx); err != nil {
			return err
		}
	}
}

func (t *tail) query() eventstore.Query {
	return eventstore.Query{After: t.after, Limit: tailPage, Bytes: pageBytes}
}

func (t *tail) read(ctx context.Context) (err error) {
	t.page, err = t.log.Read(ctx, t.query())
	return err
}

// send writes the page. Not sent, without an error: the client has left.
func (t *tail) send() (sent bool, err error) {
	for _, event := range t.page {
		data, err := json.Marshal(event)
		if err != nil {
			return false, err
		}
		if t.to.Send(event.Type, strconv.FormatInt(event.Position, 10), data) != nil {
			return false, nil
		}
		t.after = event.Position
	}
	return true, nil
}
