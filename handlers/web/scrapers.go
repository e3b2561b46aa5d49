package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/handlers/web/pages"
	"scrapelog/projections"
)

func (h *Handler) scrapers(c echo.Context) error {
	chrome, err := h.chrome(c, "/scrapers", "Scrapers", pages.RefreshOnAny)
	if err != nil {
		return err
	}
	list := pages.ScraperList{Words: strings.TrimSpace(c.QueryParam("q")), From: c.QueryParam("from")}
	if list.From != "" && !domain.ValidScraperName(list.From) {
		return invalid("from", list.From, "use a name, or its beginning: a to z, 0 to 9 and -")
	}
	ctx := c.Request().Context()
	if list.All, err = h.cfg.Queries.ScraperCounts(ctx); err != nil {
		return err
	}
	found, err := h.cfg.Queries.ScrapersWith(ctx, list.Words, list.From, scrapersShown+1)
	if err != nil {
		return err
	}
	if len(found) > scrapersShown {
		list.Next, found = found[scrapersShown].Name, found[:scrapersShown]
	}
	names := make([]string, len(found))
	for i, s := range found {
		names[i] = s.Name
	}
	last, err := h.cfg.Queries.LastRuns(ctx, names, pages.BarsShown)
	if err != nil {
		return err
	}
	for _, s := range found {
		list.Scrapers = append(list.Scrapers, pages.ScraperRow{Scraper: s, Last: last[s.Name]})
	}
	return send(c, http.StatusOK, pages.ScraperListPage(chrome, list))
}

// scrapersShown is a page of scrapers.
const scrapersShown = 50

// How much of each list a scraper's page shows.
const (
	runsOfScraper    = 10
	outagesOfScraper = 60
	slotsOfScraper   = 5
)

func (h *Handler) scraper(c echo.Context) error {
	ctx, name := c.Request().Context(), c.Param("name")
	chrome, err := h.chrome(c, "/scrapers", name, pages.RefreshOn(domain.ScraperStream(name)))
	if err != nil {
		return err
	}
	scraper, err := h.cfg.Queries.Scraper(ctx, name)
	if err != nil {
		return err
	}
	runs, err := h.cfg.Queries.Runs(ctx, projections.RunFilter{Scraper: name, Limit: runsOfScraper})
	if err != nil {
		return err
	}
	page := pages.ScraperPage{
		Scraper: scraper, Waiting: h.waiting(name), Zone: zone(scraper.Config.TimeZone), Runs: h.withHeard(runs.Runs...),
	}
	if !scraper.NextSlot.IsZero() { // paused or removed: there is nothing to come
		page.Slots = scraper.Slots(h.cfg.Now(), slotsOfScraper)
	}
	if page.Outages, err = h.outages(ctx, name); err != nil {
		return err
	}
	page.Lanes = pages.Lanes{Until: chrome.Now, Large: true}
	if page.Lanes.Range, err = pages.RangeOf(c.QueryParam("range"), "24h"); err != nil {
		return err
	}
	if page.Lanes.Of, err = h.lanesOf(ctx, []projections.Scraper{scraper}, page.Lanes.Range, chrome.Now); err != nil {
		return err
	}
	return send(c, http.StatusOK, pages.ScraperPageOf(chrome, page))
}

// outages are the last losses of a scraper with the runs that recovered them.
func (h *Handler) outages(ctx context.Context, name string) ([]pages.Outage, error) {
	lost, err := h.cfg.Queries.Runs(ctx, projections.RunFilter{
		Scraper: name, Statuses: []domain.RunStatus{domain.StatusConnectionFailed}, Limit: outagesOfScraper,
	})
	if err != nil {
		return nil, err
	}
	next, err := h.cfg.Queries.Runs(ctx, projections.RunFilter{Scraper: name, Trigger: domain.TriggerRecovery, Limit: outagesOfScraper})
	if err != nil {
		return nil, err
	}
	recoveries := map[uuid.UUID]projections.Run{}
	for _, r := range next.Runs {
		recoveries[r.Recovers] = r
	}
	outages := make([]pages.Outage, len(lost.Runs))
	for i, r := range lost.Runs {
		outages[i] = pages.Outage{Run: r, Next: recoveries[r.ID]}
	}
	return outages, nil
}

// zone is a configured time zone; configurations with an unknown one are refused.
func zone(name string) *time.Location {
	if loc, err := time.LoadLocation(name); err == nil {
		return loc
	}
	return time.UTC
}
