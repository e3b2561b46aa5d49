package api

import (
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/handlers/access"
	"scrapelog/projections"
)

// How much one answer about lanes has at most.
const (
	maxLanes     = 50
	maxLaneSlots = 200
)

// lane is what ended of a scraper's runs, as time.
type lane struct {
	Scraper string     `json:"scraper"`
	Slots   []laneSlot `json:"slots"`
}

type laneSlot struct {
	projections.LaneSlot
	TookMS int64 `json:"duration_ms,omitempty"`
	AwayMS int64 `json:"away_ms,omitempty"`
}

func (h *Handler) listLanes(c echo.Context) error {
	q := readQuery(c.Request())
	names, since, size := q.scrapers(), q.time("since"), q.slot()
	if since.IsZero() {
		since = time.Now().Add(-24 * time.Hour)
	}
	if time.Since(since)/size > maxLaneSlots {
		q.refuse("since", fmt.Sprintf("is more than %d slots ago", maxLaneSlots), "use a later time or larger slots")
	}
	if q.err != nil {
		return q.err
	}
	for _, name := range names {
		if err := access.From(c.Request().Context()).CheckReach(name); err != nil {
			return err
		}
	}
	found, err := h.Views.LaneSlots(c.Request().Context(), names, since, size)
	if err != nil {
		return err
	}
	lanes := make([]lane, len(names))
	for i, name := range names {
		lanes[i] = lane{name, slotsOf(found[name])}
	}
	return c.JSON(http.StatusOK, map[string][]lane{"lanes": lanes})
}

func slotsOf(slots []projections.LaneSlot) []laneSlot {
	all := make([]laneSlot, len(slots))
	for i, s := range slots {
		all[i] = laneSlot{s, s.Took.Milliseconds(), s.Away.Milliseconds()}
	}
	return all
}

// scrapers reads the names of the scrapers that an answer is about.
func (q *query) scrapers() []string {
	names := q.texts("scraper")
	if len(names) == 0 || len(names) > maxLanes {
		q.refuse("scraper", fmt.Sprintf("%d scrapers are named", len(names)), fmt.Sprintf("name 1 to %d", maxLanes))
	}
	for _, name := range names {
		q.check(domain.CheckScraperName("scraper", name))
	}
	return names
}

// slot reads the size of slots.
func (q *query) slot() time.Duration {
	text := q.values.Get("slot")
	if text == "" {
		return projections.LaneSlotSize
	}
	size, err := time.ParseDuration(text)
	if err != nil || size < projections.LaneSlotSize || size > 24*time.Hour || size%projections.LaneSlotSize != 0 {
		q.refuse("slot", fmt.Sprintf("%.40q is not a size of slots", text), "use a multiple of 15m up to 24h, such as 15m or 2h")
		return projections.LaneSlotSize
	}
	return size
}
