package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/web/pages"
	"scrapelog/projections"
)

func (h *Handler) run(c echo.Context) error {
	id, err := h.runID(c)
	if err != nil {
		return err
	}
	if c.Param("id") != id.String() {
		return to(c, "/runs/"+id.String())
	}
	chrome, err := h.chrome(c, "/runs", "Run", "")
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	page, err := h.runPage(ctx, id)
	if err != nil {
		return err
	}
	if page, err = h.asOf(ctx, page, c.QueryParams()); err != nil {
		return err
	}
	if page.AsOf == nil {
		chrome.Refresh = pages.RefreshOnRun(page)
	}
	if err = h.choose(ctx, &page, c.QueryParam("event")); err != nil {
		return err
	}
	chrome.Title = page.Scraper + " " + domain.ShortID(id)
	return send(c, http.StatusOK, pages.RunPageOf(chrome, page))
}

// choose reads the event that the page tells in detail.
func (h *Handler) choose(ctx context.Context, page *pages.RunPage, text string) (err error) {
	position := page.Told()
	if text != "" {
		if position, err = strconv.ParseInt(text, 10, 64); err != nil {
			return invalid("event", text, "use the position of one of the run's events")
		}
	}
	if !slices.ContainsFunc(page.Events, func(e pages.Event) bool { return e.Position == position }) {
		return fmt.Errorf("event %d of this run: %w", position, domain.ErrNotFound)
	}
	page.Chosen, err = h.eventPage(ctx, position)
	return err
}

// eventsOfRun bounds the events of a run that its page lists. A run has three at most,
// unless an older program wrote it.
const eventsOfRun = 50

func (h *Handler) runPage(ctx context.Context, id uuid.UUID) (page pages.RunPage, err error) {
	run, err := h.cfg.Queries.Run(ctx, id)
	if err != nil {
		return page, err
	}
	records, err := h.cfg.Events.Read(ctx, eventstore.Query{Stream: domain.RunStream(id), Limit: eventsOfRun, Bytes: readBytes})
	if err == nil && len(records) == 0 {
		err = fmt.Errorf("the events of run %s: %w", id, domain.ErrNotFound)
	}
	if err != nil {
		return page, err
	}
	page = pages.RunPage{Run: h.withHeard(run)[0], Events: pages.NewEvents(records, h.nameOf)}
	if page.Chain, err = h.chain(ctx, run); err != nil {
		return page, err
	}
	page.Next = pages.After(page.Chain, id)
	if run.Status == domain.StatusConnectionFailed {
		err = h.addRecovery(ctx, &page)
	}
	return page, err
}

// addRecovery reports whether the loss still stands, and what it waits for.
func (h *Handler) addRecovery(ctx context.Context, page *pages.RunPage) error {
	scraper, err := h.cfg.Queries.Scraper(ctx, page.Scraper)
	if err != nil {
		return err
	}
	page.Standing = scraper.LostRun == page.ID
	if page.Standing {
		page.Waiting = pages.WaitingText(pages.Loss{Scraper: scraper, Waiting: h.waiting(page.Scraper)})
	}
	return nil
}

// chainShown bounds how many runs before and after one its page tells of.
const chainShown = 10

// chain returns the runs that recovered each other around a run, oldest first: the lost
// run that it recovers, the one before that, and so on, and the runs after it. For a run
// that recovers none and was not recovered it has only that run.
func (h *Handler) chain(ctx context.Context, run projections.Run) ([]projections.Run, error) {
	earlier, err := h.follow(ctx, run, func(r projections.Run) uuid.UUID { return r.Recovers })
	if err != nil {
		return nil, err
	}
	later, err := h.follow(ctx, run, func(r projections.Run) uuid.UUID { return r.RecoveredBy })
	if err != nil {
		return nil, err
	}
	slices.Reverse(earlier)
	return slices.Concat(earlier, []projections.Run{run}, later), nil
}

func (h *Handler) follow(ctx context.Context, run projections.Run, next func(projections.Run) uuid.UUID) ([]projections.Run, error) {
	var found []projections.Run
	for id := next(run); id != uuid.Nil && len(found) < chainShown; id = next(run) {
		var err error
		if run, err = h.cfg.Queries.Run(ctx, id); err != nil {
			return nil, err
		}
		found = append(found, run)
	}
	return found, nil
}
