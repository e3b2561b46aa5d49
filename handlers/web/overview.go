package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/handlers/web/pages"
	"scrapelog/projections"
)

// How much of each list the overview shows.
const (
	lostShown    = 20
	runningShown = 20
	latestShown  = 10
	slotsShown   = 6
	pausedShown  = 10
	lanesShown   = 20
	laneRuns     = 300
)

func (h *Handler) overview(c echo.Context) error {
	chrome, err := h.chrome(c, "/", "Overview", pages.RefreshOverview)
	if err != nil {
		return err
	}
	r, err := pages.RangeOf(c.QueryParam("range"), "15m")
	if err != nil {
		return err
	}
	view := pages.Overview{Lanes: pages.Lanes{Range: r, Until: chrome.Now}, Refused: h.cfg.Audit.State().Refused}
	ctx := c.Request().Context()
	for _, part := range []func(context.Context, *pages.Overview) error{h.overviewScrapers, h.overviewRuns, h.overviewLanes} {
		if err := part(ctx, &view); err != nil {
			return err
		}
	}
	if view.Groups, err = h.cfg.Groups(ctx); err != nil {
		return err
	}
	if h.cfg.Notices != nil {
		if view.GivenUp, err = h.cfg.Notices.GivenUp(ctx); err != nil {
			return err
		}
	}
	return send(c, http.StatusOK, pages.OverviewPage(chrome, view))
}

func (h *Handler) overviewScrapers(ctx context.Context, view *pages.Overview) (err error) {
	if view.Scrapers, err = h.cfg.Queries.ScraperCounts(ctx); err != nil {
		return err
	}
	lost, err := h.cfg.Queries.LostScrapers(ctx, lostShown+1)
	if err != nil {
		return err
	}
	view.Empty, view.MoreLost = view.Scrapers.All == 0, len(lost) > lostShown
	for _, s := range lost[:min(len(lost), lostShown)] {
		view.Lost = append(view.Lost, pages.Loss{Scraper: s, Waiting: h.waiting(s.Name)})
	}
	overdue, err := h.cfg.Queries.OverdueScrapers(ctx, pausedShown+1)
	if err != nil {
		return err
	}
	view.Overdue, view.MoreOverdue = overdue[:min(len(overdue), pausedShown)], len(overdue) > pausedShown
	paused, err := h.cfg.Queries.PausedScrapers(ctx, pausedShown+1)
	if err != nil {
		return err
	}
	view.Paused, view.MorePaused = paused[:min(len(paused), pausedShown)], len(paused) > pausedShown
	view.Due, err = h.cfg.Queries.NextScrapers(ctx, slotsShown)
	return err
}

func (h *Handler) overviewRuns(ctx context.Context, view *pages.Overview) error {
	open, err := h.cfg.Queries.Runs(ctx, projections.RunFilter{Statuses: []domain.RunStatus{domain.StatusRunning}, Limit: runningShown})
	if err != nil {
		return err
	}
	ended, err := h.cfg.Queries.Runs(ctx, projections.RunFilter{Statuses: domain.Statuses[1:], Limit: latestShown})
	if err != nil {
		return err
	}
	slices.SortStableFunc(ended.Runs, func(a, b projections.Run) int { return b.EndedAt.Compare(a.EndedAt.Time) })
	view.Running, view.Latest, view.MoreRunning = h.withHeard(open.Runs...), h.withHeard(ended.Runs...), open.Next != ""
	return nil
}

// overviewLanes draws the scrapers in trouble first, then the others by name.
func (h *Handler) overviewLanes(ctx context.Context, view *pages.Overview) error {
	var drawn []projections.Scraper
	for _, l := range view.Lost {
		drawn = append(drawn, l.Scraper)
	}
	others, err := h.cfg.Queries.ScrapersFrom(ctx, "", lanesShown+len(drawn))
	if err != nil {
		return err
	}
	for _, s := range others {
		if !slices.ContainsFunc(drawn, func(d projections.Scraper) bool { return d.Name == s.Name }) {
			drawn = append(drawn, s)
		}
	}
	if view.Lanes.Of, err = h.lanesOf(ctx, drawn[:min(len(drawn), lanesShown)], view.Lanes.Range, view.Lanes.Until); err != nil {
		return err
	}
	view.Lanes.More = view.Scrapers.All - int64(len(view.Lanes.Of))
	return nil
}

// lanesOf reads what the scrapers did in a range until an instant: in a long range the
// read model of slots, in a short one the runs.
func (h *Handler) lanesOf(ctx context.Context, scrapers []projections.Scraper, r pages.Range, until time.Time) (lanes []pages.Lane, err error) {
	var names []string
	for _, s := range scrapers {
		names = append(names, s.Name)
	}
	var slots map[string][]projections.LaneSlot
	if r.Slot > 0 {
		if slots, err = h.cfg.Queries.LaneSlots(ctx, names, until.Add(-r.Span), r.Slot); err != nil {
			return nil, err
		}
	}
	for _, s := range scrapers {
		lane := pages.Lane{Scraper: s, Slots: slots[s.Name]}
		if r.Slot == 0 {
			if lane.Runs, lane.Cut, err = h.runsSince(ctx, s.Name, until.Add(-r.Span)); err != nil {
				return nil, err
			}
		}
		lanes = append(lanes, lane)
	}
	return lanes, nil
}

// runsSince returns the runs of a scraper since an instant, the newest first, and the one
// before them, which may have been open or lost then. cut says that there are more.
func (h *Handler) runsSince(ctx context.Context, scraper string, since time.Time) (runs []projections.Run, cut bool, err error) {
	page, err := h.cfg.Queries.Runs(ctx, projections.RunFilter{Scraper: scraper, Since: since, Limit: laneRuns})
	if err != nil || page.Next != "" {
		return page.Runs, page.Next != "", err
	}
	before, err := h.cfg.Queries.Runs(ctx, projections.RunFilter{Scraper: scraper, Until: since, Limit: 1})
	return append(page.Runs, before.Runs...), false, err
}
