package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/projections"
)

type scraperPage struct {
	Scrapers []json.RawMessage `json:"scrapers"`
	Next     string            `json:"next,omitempty"`
}

// listScrapers pages by name: the cursor is the last name of the page before.
func (h *Handler) listScrapers(c echo.Context) error {
	q := readQuery(c.Request())
	limit, cursor := q.limit(), q.text("cursor")
	if cursor != "" && !domain.ValidScraperName(cursor) {
		q.refuse("cursor", "is not a cursor", "use the next of the page before")
	}
	if q.err != nil {
		return q.err
	}
	name := func(s projections.Scraper) string { return s.Name }
	scrapers, next, err := readPage(limit, cursor, name, func(after string, n int) ([]projections.Scraper, error) {
		return h.Views.ScrapersAfter(c.Request().Context(), after, n)
	})
	return answer(c, http.StatusOK, scraperPage{scrapers, next}, err)
}

func (h *Handler) showScraper(c echo.Context) error {
	name, err := scraperName(c)
	if err != nil {
		return err
	}
	s, err := h.Views.Scraper(c.Request().Context(), name)
	if err != nil {
		return err
	}
	if s.Removed {
		return fmt.Errorf("scraper %q was removed: %w", name, domain.ErrNotFound)
	}
	return c.JSON(http.StatusOK, s)
}

// configureScraper takes the whole configuration: a key that is left out gets
// its default, not what it had.
func (h *Handler) configureScraper(c echo.Context) error {
	name, config := c.Param("name"), domain.DefaultScraperConfig()
	if err := decode(c, &config); err != nil {
		return err
	}
	if config.Name != "" && config.Name != name {
		return &domain.FieldError{Field: "name", Problem: fmt.Sprintf("%.80q is not the name in the path", config.Name), Want: "leave it out, or make it the same"}
	}
	config.Name = name
	if err := config.Validate(); err != nil { // before the log is asked about it
		return err
	}
	before, _, err := h.Log.Scraper(c.Request().Context(), name)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if !before.Configured() {
		have, err := h.Views.CountScrapers(c.Request().Context(), domain.SourceAPI)
		if err != nil {
			return err
		}
		if err := domain.CheckRoom(have, h.MaxScrapers); err != nil {
			return err
		}
		status = http.StatusCreated
		c.Response().Header().Set(echo.HeaderLocation, "/api/v1/scrapers/"+name)
	}
	return h.changeScraper(c, status, name, domain.ConfigureScraper{ToScraper: to(name), Source: domain.SourceAPI, Config: config})
}

func (h *Handler) pauseScraper(c echo.Context) error {
	name, reason, err := named(c)
	if err != nil {
		return err
	}
	return h.changeScraper(c, http.StatusOK, name, domain.PauseScraper{ToScraper: to(name), By: actor(c.Request()), Reason: reason})
}

func (h *Handler) resumeScraper(c echo.Context) error {
	name, reason, err := named(c)
	if err != nil {
		return err
	}
	return h.changeScraper(c, http.StatusOK, name, domain.ResumeScraper{ToScraper: to(name), By: actor(c.Request()), Reason: reason})
}

func (h *Handler) removeScraper(c echo.Context) error {
	name, reason, err := named(c)
	if err != nil {
		return err
	}
	_, position, err := h.write(c, domain.RemoveScraper{ToScraper: to(name), Source: domain.SourceAPI, By: actor(c.Request()), Reason: reason})
	return h.written(c, position, err)
}

// changeScraper handles a command and answers with the changed scraper.
func (h *Handler) changeScraper(c echo.Context, status int, name string, command domain.Command) error {
	_, position, err := h.write(c, command)
	if err != nil {
		return err
	}
	s, err := h.changedScraper(c.Request().Context(), name, position)
	return answer(c, status, s, err)
}

// changedScraper asks the log itself when the read model is late. What only the
// read model knows, such as the last run, is left out then.
func (h *Handler) changedScraper(ctx context.Context, name string, position int64) (projections.Scraper, error) {
	if h.settled(ctx, scrapersGroup, position) {
		return h.Views.Scraper(ctx, name)
	}
	s, _, err := h.Log.Scraper(ctx, name)
	if err != nil {
		return projections.Scraper{}, err
	}
	return projections.ScraperAt(s, position), nil
}

func to(scraper string) domain.ToScraper { return domain.ToScraper{Scraper: scraper} }

// named returns the scraper and the reason of a pause, resume or removal.
func named(c echo.Context) (name, reason string, err error) {
	if name, err = scraperName(c); err != nil {
		return "", "", err
	}
	reason, err = readReason(c)
	return name, reason, err
}

// scraperName returns the scraper's name in the path; ErrNotFound if it is invalid.
func scraperName(c echo.Context) (string, error) {
	name := c.Param("name")
	if !domain.ValidScraperName(name) {
		return "", fmt.Errorf("scraper %.80q: %w", name, domain.ErrNotFound)
	}
	return name, nil
}

func readReason(c echo.Context) (string, error) {
	var body struct {
		Reason string `json:"reason"`
	}
	if err := decode(c, &body); err != nil {
		return "", err
	}
	return body.Reason, nil
}
