package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/access"
	"scrapelog/projections"
)

type runPage struct {
	Runs []projections.Run `json:"runs"`
	Next string            `json:"next,omitempty"`

	Searched []string `json:"searched,omitempty"` // the scrapers whose names contain the text
	More     bool     `json:"more,omitempty"`     // there are more of them
}

func (h *Handler) listRuns(c echo.Context) error {
	q := readQuery(c.Request())
	filter := projections.RunFilter{
		Statuses: q.statuses(), Scraper: q.scraper(), Trigger: q.trigger(), Short: q.short(), Text: q.text("text"),
		Since: q.time("since"), Until: q.time("until"), Cursor: q.text("cursor"), Limit: q.limit(),
	}
	if q.err != nil {
		return q.err
	}
	if p := access.From(c.Request().Context()); p.Limited() {
		if err := p.CheckReach(filter.Scraper); err != nil {
			return err
		}
	}
	page, err := h.Views.Runs(c.Request().Context(), filter)
	if err != nil {
		return err
	}
	if page.Runs == nil {
		page.Runs = []projections.Run{}
	}
	return c.JSON(http.StatusOK, runPage{page.Runs, page.Next, page.Scrapers, page.More})
}

func (h *Handler) showRun(c echo.Context) error {
	id, err := h.runID(c)
	if err != nil {
		return err
	}
	run, err := h.Views.Run(c.Request().Context(), id)
	if err == nil {
		err = access.From(c.Request().Context()).CheckReach(run.Scraper)
	}
	return answer(c, http.StatusOK, run, err)
}

func (h *Handler) startRun(c echo.Context) error {
	name, err := scraperName(c)
	if err != nil {
		return err
	}
	start, err := readStart(c, name)
	if err != nil {
		return err
	}
	recorded, position, err := h.write(c, start)
	if err != nil {
		return err
	}
	started, err := eventOf[domain.RunStarted](recorded)
	if err != nil {
		return err
	}
	run, err := h.changedRun(c.Request().Context(), started.RunID, position)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderLocation, "/api/v1/runs/"+run.ID.String())
	return c.JSON(http.StatusCreated, attachedRun{run, start.Watcher})
}

// attachedRun is a run as the client that starts it sees it: with the id of the
// watcher that it is attached to, which is shown to no other client.
type attachedRun struct {
	projections.Run
	Watcher string `json:"watcher,omitempty"`
}

func readStart(c echo.Context, scraper string) (domain.StartScrape, error) {
	var body struct {
		Attach *string         `json:"attach"`
		Params json.RawMessage `json:"params"`
	}
	start := domain.StartScrape{ToScraper: to(scraper), Trigger: domain.TriggerManual}
	if err := decode(c, &body); err != nil {
		return start, err
	}
	if body.Attach != nil {
		if err := domain.CheckWatcher("attach", *body.Attach); err != nil { // the domain takes none at all
			return start, err
		}
		start.Watcher = *body.Attach
	}
	start.Params = body.Params
	return start, nil
}

// cancelRun answers a repeated cancel like the first: the run is cancelled.
func (h *Handler) cancelRun(c echo.Context) error {
	id, err := h.runID(c)
	if err != nil {
		return err
	}
	reason, err := readReason(c)
	if err != nil {
		return err
	}
	if p := access.From(c.Request().Context()); p.Limited() {
		run, err := h.Views.Run(c.Request().Context(), id)
		if err == nil {
			err = p.CheckReach(run.Scraper)
		}
		if err != nil {
			return err
		}
	}
	_, position, err := h.write(c, domain.CancelRun{ToRun: domain.ToRun{RunID: id}, By: actor(c.Request()), Reason: reason})
	if err != nil {
		return err
	}
	run, err := h.changedRun(c.Request().Context(), id, position)
	return answer(c, http.StatusOK, run, err)
}

// changedRun reads a run back with the write at position: from the read model, or from
// the log when the read model is late.
func (h *Handler) changedRun(ctx context.Context, id uuid.UUID, position int64) (projections.Run, error) {
	if h.settled(ctx, runsGroup, position) {
		return h.Views.Run(ctx, id)
	}
	records, err := h.Log.Read(ctx, eventstore.Query{Stream: domain.RunStream(id)})
	if err != nil {
		return projections.Run{}, err
	}
	return projections.RunAsOf(records)
}

// eventOf finds what a write recorded. Commands that reach it record one event.
func eventOf[E domain.Event](recorded []eventstore.Recorded) (E, error) {
	var want E
	for _, r := range recorded {
		e, err := r.Event()
		if err != nil {
			return want, err
		}
		if found, ok := e.(E); ok {
			return found, nil
		}
	}
	return want, fmt.Errorf("no %s among %d recorded events", want.EventType(), len(recorded))
}

// runID is the run that the path names by its id or a part of it.
func (h *Handler) runID(c echo.Context) (uuid.UUID, error) {
	return h.Views.FindRun(c.Request().Context(), "id", c.Param("id"))
}
