package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore"
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
	lossesOfScraper  = 60
	slotsOfScraper   = 5
	historyOfScraper = 6
)

func (h *Handler) scraper(c echo.Context) error {
	ctx, name := c.Request().Context(), c.Param("name")
	chrome, err := h.chrome(c, "/scrapers", name, pages.RefreshOn(domain.ScraperStream(name)))
	if err != nil {
		return err
	}
	page := pages.ScraperPage{Waiting: h.waiting(name), Tab: pages.Tab(c.QueryParam("tab"))}
	if page.Scraper, err = h.cfg.Queries.Scraper(ctx, name); err != nil {
		return err
	}
	page.Zone = zone(page.Config.TimeZone)
	if !page.NextSlot.IsZero() { // paused or removed: there is nothing to come
		page.Slots = page.Scraper.Slots(h.cfg.Now(), slotsOfScraper)
	}
	losses, err := h.cfg.Queries.LossesOf(ctx, name, lossesOfScraper)
	if err != nil {
		return err
	}
	for _, l := range losses {
		page.Losses = append(page.Losses, pages.Outage{Loss: l})
	}
	page.Lanes = pages.Lanes{Until: chrome.Now, Large: true}
	if page.Lanes.Range, err = pages.RangeOf(c.QueryParam("range"), "24h"); err != nil {
		return err
	}
	if page.Lanes.Of, err = h.lanesOf(ctx, []projections.Scraper{page.Scraper}, page.Lanes.Range, chrome.Now); err != nil {
		return err
	}
	if err := h.fillTab(ctx, &page); err != nil {
		return err
	}
	return send(c, http.StatusOK, pages.ScraperPageOf(chrome, page))
}

// fillTab reads what only the open tab shows.
func (h *Handler) fillTab(ctx context.Context, page *pages.ScraperPage) error {
	switch page.Tab {
	case pages.TabRuns:
		runs, err := h.cfg.Queries.Runs(ctx, projections.RunFilter{Scraper: page.Name, Limit: runsOfScraper})
		page.Runs = h.withHeard(runs.Runs...)
		return err
	case pages.TabConfiguration:
		return h.fillConfiguration(ctx, page)
	case pages.TabOutages:
		return nil
	}
	return invalid("tab", string(page.Tab), "use outages or configuration, or leave it out")
}

// fillConfiguration reads the last configurations and compares each with the one before.
func (h *Handler) fillConfiguration(ctx context.Context, page *pages.ScraperPage) (err error) {
	if page.YAML, err = h.cfg.YAML(page.Config); err != nil {
		return err
	}
	if page.Default, err = h.cfg.YAML(domain.DefaultScraperConfig()); err != nil {
		return err
	}
	q := eventstore.Query{
		Stream: domain.ScraperStream(page.Name), Types: []string{domain.ScraperConfigured{}.EventType()},
		Backward: true, Limit: historyOfScraper + 1, Bytes: readBytes,
	}
	records, err := h.cfg.Events.Read(ctx, q)
	if err != nil {
		return err
	}
	events, texts := pages.NewEvents(records, h.nameOf), make([]string, len(records)+1)
	for i, e := range events {
		if configured, ok := e.Is.(domain.ScraperConfigured); ok {
			if texts[i], err = h.cfg.YAML(configured.Config); err != nil {
				return err
			}
		}
	}
	for i, e := range events[:min(len(events), historyOfScraper)] {
		page.History = append(page.History, pages.NewConfiguration(e, texts[i], texts[i+1]))
	}
	return nil
}

// zone is a configured time zone; configurations with an unknown one are refused.
func zone(name string) *time.Location {
	if loc, err := time.LoadLocation(name); err == nil {
		return loc
	}
	return time.UTC
}
