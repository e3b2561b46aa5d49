package web

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"scrapelog/docs"
	"scrapelog/domain"
	"scrapelog/handlers/access"
	"scrapelog/handlers/web/pages"
	"scrapelog/projections"
)

const (
	hitsShown     = 20
	scrapersFound = 8
	actionsFound  = 3 // the scrapers that may be run and paused from the hits
	documentsHit  = 5
	maxSearch     = 100 // longer texts find nothing
)

// searchPage is the page of what the palette shows in a dialog.
func (h *Handler) searchPage(c echo.Context) error {
	chrome, err := h.chrome(c, "/search", "Search", "")
	if err != nil {
		return err
	}
	hits, err := h.find(c.Request().Context(), c.QueryParam("q"))
	if err != nil {
		return err
	}
	return send(c, http.StatusOK, pages.SearchPage(chrome, c.QueryParam("q"), hits))
}

// hits are the rows of the palette.
func (h *Handler) hits(c echo.Context) error {
	hits, err := h.find(c.Request().Context(), c.QueryParam("q"))
	if err != nil {
		return err
	}
	return send(c, http.StatusOK, pages.Hits(hits))
}

// find returns what a text may mean, the likeliest first: an event by its position, scrapers
// with what may be done to them, runs, pages, commands and documents.
func (h *Handler) find(ctx context.Context, text string) (hits []pages.Hit, err error) {
	text = strings.ToLower(strings.TrimSpace(text))
	if utf8.RuneCountInString(text) > maxSearch {
		return nil, nil
	}
	verb, name := verbOf(text)
	if verb == "" {
		name = text
	}
	if name != "" || verb != "" {
		found, err := h.cfg.Queries.Search(ctx, name, scrapersFound)
		if err != nil {
			return nil, err
		}
		if hits, err = h.eventHit(ctx, text); err != nil {
			return nil, err
		}
		hits = append(hits, scraperHits(verb, found.Scrapers, access.May(ctx, http.MethodPost, "/scrapers/:name/pause"))...)
		for _, r := range found.Runs {
			hits = append(hits, pages.RunHit(r))
		}
	}
	hits = append(append(hits, pages.PageHits(text)...), documentHits(text)...)
	return hits[:min(len(hits), hitsShown)], nil
}

// verbOf splits "run prices" into what to do and with which scraper.
func verbOf(text string) (verb, name string) {
	first, rest, _ := strings.Cut(text, " ")
	if slices.Contains([]string{"run", "pause", "resume"}, first) {
		return first, strings.TrimSpace(rest)
	}
	return "", text
}

// scraperHits are the scrapers that were found, and what the viewer may do with the first.
func scraperHits(verb string, scrapers []projections.Scraper, may bool) (hits []pages.Hit) {
	for i, s := range scrapers {
		if verb == "" {
			hits = append(hits, pages.ScraperHit(s))
		}
		if may && (i < actionsFound || verb != "") {
			hits = append(hits, pages.ActionHits(s, verb)...)
		}
	}
	return hits
}

// eventHit is the event at the position that a text is: "215" or "event 215".
func (h *Handler) eventHit(ctx context.Context, text string) ([]pages.Hit, error) {
	position, err := strconv.ParseInt(strings.TrimPrefix(strings.TrimPrefix(text, "event"), " "), 10, 64)
	if err != nil || position < 1 {
		return nil, nil //nolint:nilerr // no position
	}
	head, err := h.cfg.Events.Head(ctx)
	if err != nil || position > head {
		return nil, err
	}
	return []pages.Hit{pages.EventHit(position)}, nil
}

func documentHits(text string) (hits []pages.Hit) {
	if len(text) < 2 {
		return nil
	}
	for _, d := range docs.All() {
		if strings.Contains(strings.ToLower(d.Name+" "+d.Title), text) && len(hits) < documentsHit {
			hits = append(hits, pages.DocumentHit(d))
		}
	}
	return hits
}

// nearest are pages that a path which does not exist may have meant: of a scraper with
// nearly its name, of runs with a part of its id, or of the pages.
func (h *Handler) nearest(ctx context.Context, path string) []pages.Hit {
	kind, name, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	name, _, _ = strings.Cut(name, "/")
	if name == "" {
		if page := domain.Nearest(kind, pages.Sections()); page != "" {
			return pages.PageHits(page)
		}
		name = kind
	}
	if !isText(name) || len(name) > maxSearch || name == "" {
		return nil
	}
	found, err := h.cfg.Queries.Search(ctx, name, actionsFound)
	if err != nil {
		return nil // the page says what is missing, and no more
	}
	var hits []pages.Hit
	for _, s := range found.Scrapers {
		hits = append(hits, pages.ScraperHit(s))
	}
	for _, r := range found.Runs {
		hits = append(hits, pages.RunHit(r))
	}
	if len(hits) > 0 {
		return hits
	}
	names, err := h.cfg.Queries.ScraperNames(ctx, namesCompared)
	if err != nil {
		return nil
	}
	if near := domain.Nearest(name, names); near != "" {
		return []pages.Hit{pages.ScraperHit(projections.Scraper{Name: near})}
	}
	return nil
}

// namesCompared is how many scrapers' names are compared with one that does not exist.
const namesCompared = 10_000
