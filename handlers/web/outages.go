package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"scrapelog/docs"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/web/pages"
	"scrapelog/projections"
)

// runsOfOutage is how many of the runs that were lost in an outage its page lists.
const runsOfOutage = 100

// openOutages is how many open outages are counted into the days.
const openOutages = projections.MaxLimit

func (h *Handler) outageList(c echo.Context) error {
	ctx := c.Request().Context()
	list := pages.OutageList{Open: c.QueryParam("open"), Since: c.QueryParam("since"), Until: c.QueryParam("until"), Cursor: c.QueryParam("cursor")}
	filter := projections.OutageFilter{Cursor: list.Cursor}
	var err error
	if filter.Since, err = h.instant(ctx, "since", list.Since); err != nil {
		return err
	}
	if filter.Until, err = h.instant(ctx, "until", list.Until); err != nil {
		return err
	}
	switch open := list.Open == "true"; list.Open {
	case "":
	case "true", "false":
		filter.Open = &open
	default:
		return &domain.FieldError{Field: "open", Problem: quoted(list.Open) + " is neither true nor false", Want: "use true or false"}
	}
	refresh := pages.RefreshOnAny
	if list.Cursor != "" {
		refresh = "" // an older page does not move under its reader
	}
	chrome, err := h.chrome(c, "/outages", "Outages", refresh)
	if err != nil {
		return err
	}
	page, err := h.cfg.Queries.Outages(ctx, filter)
	if err != nil {
		return err
	}
	list.Outages, list.Next = page.Outages, page.Next
	if list.Year, err = h.outageYear(ctx, chrome.Now); err != nil {
		return err
	}
	return send(c, http.StatusOK, pages.OutageListPage(chrome, list))
}

// outageYear is what the days of the last year had of outages.
func (h *Handler) outageYear(ctx context.Context, now time.Time) (y pages.OutageYear, err error) {
	y.Now = now
	if y.Days, err = h.cfg.Queries.OutageDays(ctx, y.From()); err != nil {
		return y, err
	}
	open := true
	page, err := h.cfg.Queries.Outages(ctx, projections.OutageFilter{Open: &open, Limit: openOutages})
	y.Open, y.More = page.Outages, page.Next != ""
	return y, err
}

func (h *Handler) outage(c echo.Context) error {
	ctx := c.Request().Context()
	if err := domain.CheckID("id", c.Param("id")); err != nil {
		return fmt.Errorf("outage %s: %w", quoted(c.Param("id")), domain.ErrNotFound)
	}
	id, err := h.cfg.Queries.FindOutage(ctx, "id", c.Param("id"))
	if err != nil {
		return err
	}
	path := "/outages/" + id.String()
	if c.Request().URL.Path != path {
		return to(c, path)
	}
	chrome, err := h.chrome(c, "/outages", "Outage "+domain.ShortID(id), pages.RefreshOnAny)
	if err != nil {
		return err
	}
	page := pages.OutagePage{}
	if page.Outage, err = h.cfg.Queries.Outage(ctx, id); err != nil {
		return err
	}
	runs, err := h.cfg.Queries.RunsOfOutage(ctx, id, runsOfOutage)
	if err != nil {
		return err
	}
	page.Runs = h.withHeard(runs...)
	for _, part := range []func(context.Context, *pages.OutagePage) error{h.outageLanes, h.outageSkips} {
		if err := part(ctx, &page); err != nil {
			return err
		}
	}
	if d, ok := docs.Get("causes/" + string(page.Cause)); ok {
		_, text, _ := strings.Cut(d.Text, "\n")
		if page.Checks, err = asHTML(text); err != nil {
			return err
		}
	}
	return send(c, http.StatusOK, pages.OutagePageOf(chrome, page))
}

const (
	// lanesOfOutage is how many of its scrapers an outage's page draws.
	lanesOfOutage = 12
	// runsOfOutageLane is how many runs of each.
	runsOfOutageLane = 50
	// skipsOfOutage is how many traces of skipped slots it reads.
	skipsOfOutage = 200
)

// outageLanes reads what the first scrapers of an outage did around it.
func (h *Handler) outageLanes(ctx context.Context, page *pages.OutagePage) error {
	page.Lanes = pages.LanesAround(page.Outage, h.cfg.Now())
	for _, name := range page.Scrapers[:min(len(page.Scrapers), lanesOfOutage)] {
		found, err := h.cfg.Queries.Runs(ctx, projections.RunFilter{
			Scraper: name, Since: page.Lanes.From(), Until: page.Lanes.Until, Limit: runsOfOutageLane,
		})
		if err != nil {
			return err
		}
		for _, lost := range page.Runs {
			if lost.Scraper == name && lost.StartedAt.Before(page.Lanes.From()) {
				found.Runs = append(found.Runs, lost.Run)
			}
		}
		page.Lanes.Of = append(page.Lanes.Of, pages.LaneThen(name, found.Runs, page.Open()))
	}
	page.Lanes.More = int64(len(page.Scrapers) - len(page.Lanes.Of))
	if len(page.Scrapers) == 0 {
		return nil
	}
	first, err := h.cfg.Queries.Scraper(ctx, page.Scrapers[0])
	if errors.Is(err, domain.ErrNotFound) {
		return nil
	}
	page.Probes = first.Config.Probe.Interval.Std()
	return err
}

// outageSkips reads which slots its scrapers skipped while it was open.
func (h *Handler) outageSkips(ctx context.Context, page *pages.OutagePage) error {
	q := eventstore.Query{After: page.FirstPosition, Types: []string{domain.ScrapeSkipped{}.EventType()}, Limit: skipsOfOutage, Bytes: readBytes}
	if !page.Open() {
		q.Until = page.LastPosition
	}
	records, err := h.cfg.Events.Read(ctx, q)
	if err != nil {
		return err
	}
	page.More = !q.Last(records)
	for _, e := range pages.NewEvents(records, h.nameOf) {
		if skipped, ok := e.Is.(domain.ScrapeSkipped); ok && skipped.Reason == domain.SkipConnectionLost && slices.Contains(page.Scrapers, skipped.Scraper) {
			page.Skipped = append(page.Skipped, e)
		}
	}
	return nil
}
