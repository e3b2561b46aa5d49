package web

import (
	"context"
	"net/http"
	"slices"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"scrapelog/domain"
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
	if page.View, err = viewOf(c.QueryParam("view")); err != nil {
		return err
	}
	if at := c.QueryParam("at"); at != "" {
		if page, err = h.asOf(ctx, page, at); err != nil {
			return err
		}
	} else {
		chrome.Refresh = pages.RefreshOnRun(page)
	}
	chrome.Title = "Run of " + page.Scraper
	return send(c, http.StatusOK, pages.RunPageOf(chrome, page))
}

// viewOf is how a list of events is to be shown.
func viewOf(text string) (pages.View, error) {
	if view := pages.View(text); slices.Contains(pages.Views, view) {
		return view, nil
	}
	return "", invalid("view", text, "use compact or json, or leave it out")
}

func (h *Handler) runPage(ctx context.Context, id uuid.UUID) (page pages.RunPage, err error) {
	run, err := h.cfg.Queries.Run(ctx, id)
	if err != nil {
		return page, err
	}
	records, err := h.cfg.Events.ReadStream(ctx, domain.RunStream(id), 0)
	if err != nil {
		return page, err
	}
	page = pages.RunPage{Run: h.withHeard(run)[0], Events: pages.NewEvents(records)}
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
