package web

import (
	"net/http"
	"time"

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
	scrapers, err := h.cfg.Queries.Scrapers(c.Request().Context())
	if err != nil {
		return err
	}
	return send(c, http.StatusOK, pages.ScraperListPage(chrome, pages.ScraperList{Scrapers: scrapers}))
}

// How much of each list a scraper's page shows.
const (
	runsOfScraper  = 20
	slotsOfScraper = 5
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
	return send(c, http.StatusOK, pages.ScraperPageOf(chrome, page))
}

// zone is a configured time zone; configurations with an unknown one are refused.
func zone(name string) *time.Location {
	if loc, err := time.LoadLocation(name); err == nil {
		return loc
	}
	return time.UTC
}
