package api

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/handlers/access"
)

// maxAnnounced bounds the scrapers that one worker may speak for.
const maxAnnounced = 1000

// announce takes the names of scrapers that are up, and answers before they are probed.
func (h *Handler) announce(c echo.Context) error {
	var body struct {
		Scrapers []string `json:"scrapers"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	if n := len(body.Scrapers); n == 0 || n > maxAnnounced {
		return &domain.FieldError{Field: "scrapers", Problem: fmt.Sprintf("has %d names", n), Want: fmt.Sprintf("name 1 to %d scrapers", maxAnnounced)}
	}
	for _, name := range body.Scrapers {
		if err := domain.CheckScraperName("scrapers", name); err != nil {
			return err
		}
		if err := access.From(c.Request().Context()).CheckReach(name); err != nil {
			return err
		}
	}
	if _, err := h.reachedAt(c, 0); err != nil {
		return err
	}
	h.Announce(body.Scrapers)
	return c.JSON(http.StatusAccepted, map[string]int{"accepted": len(body.Scrapers)})
}
