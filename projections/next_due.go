package projections

import (
	"database/sql/driver"
	"time"

	"scrapelog/domain"
)

// nextDue is the first slot that was not claimed yet. By it the scrapers that are due
// next are found without reading all of them. It costs more than the rest of a fold, so
// it is computed only when the row is written.
type nextDue struct {
	at    time.Time // zero: none, paused or removed
	stale bool
}

// movesSlots reports whether an event has changed which slot comes next.
func movesSlots(before, after domain.Scraper, e domain.Event) bool {
	_, configured := e.(domain.ScraperConfigured)
	return configured || before.Paused != after.Paused || before.Removed != after.Removed || !before.LastDue.Equal(after.LastDue)
}

// dueColumn is the column of nextDue.
type dueColumn struct{ row *scraperRow }

func (dueColumn) sqlType() string { return "bigint" }
func (dueColumn) notNull() bool   { return false }

func (c dueColumn) Scan(src any) error { return micros{&c.row.due.at}.Scan(src) }

func (c dueColumn) Value() (driver.Value, error) {
	due := c.row.due.at
	if c.row.due.stale {
		due = time.Time{}
		if !c.row.Paused {
			due = c.row.NextSlot(time.Time{}) // none of a removed one
		}
	}
	return micros{&due}.Value()
}
