package command

import (
	"time"

	"scrapelog/domain"
)

// stamped gives a command that says no time the present one.
func (h *Handler) stamped(c domain.ScraperCommand) domain.ScraperCommand {
	switch c := c.(type) {
	case domain.ConfigureScraper:
		c.ToScraper = h.stampScraper(c.ToScraper)
		return c
	case domain.PauseScraper:
		c.ToScraper = h.stampScraper(c.ToScraper)
		return c
	case domain.ResumeScraper:
		c.ToScraper = h.stampScraper(c.ToScraper)
		return c
	case domain.RemoveScraper:
		c.ToScraper = h.stampScraper(c.ToScraper)
		return c
	}
	return c
}

func (h *Handler) stampedRun(c domain.RunCommand) domain.RunCommand {
	switch c := c.(type) {
	case domain.ReportCompleted:
		c.ToRun = h.stampRun(c.ToRun)
		return c
	case domain.ReportFailed:
		c.ToRun = h.stampRun(c.ToRun)
		return c
	case domain.ReportConnectionLost:
		c.ToRun = h.stampRun(c.ToRun)
		return c
	case domain.ReportConnectionRestored:
		c.ToRun = h.stampRun(c.ToRun)
		return c
	case domain.CancelRun:
		c.ToRun = h.stampRun(c.ToRun)
		return c
	}
	return c
}

func (h *Handler) stampScraper(t domain.ToScraper) domain.ToScraper {
	t.At = h.stamp(t.At)
	return t
}

func (h *Handler) stampRun(t domain.ToRun) domain.ToRun {
	t.At = h.stamp(t.At)
	return t
}

// stamp is the time as the log keeps it: to the microsecond, in UTC.
func (h *Handler) stamp(at time.Time) time.Time {
	if at.IsZero() {
		at = h.Now()
	}
	return at.UTC().Truncate(time.Microsecond)
}
