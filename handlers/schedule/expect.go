package schedule

import (
	"context"
	"time"

	"scrapelog/domain"
)

// deadline returns when a scraper is overdue; zero: nothing is expected of it. What is
// left of the time is counted from now on by the monotonic clock, so setting the wall
// clock makes no scraper overdue. A count that begins in the future begins now.
func deadline(g domain.Guard, now time.Time) time.Time {
	if !g.Expects() {
		return time.Time{}
	}
	passed := max(0, now.Round(0).Sub(g.Expect.Since))
	return now.Add(g.Expect.Within.Std() - passed)
}

// expired reports whether the scraper is to be reported overdue.
func (e *entry) expired(now time.Time) bool {
	return !e.deadline.IsZero() && !now.Before(e.deadline)
}

// report returns the command that records that a scraper is overdue. Any number of
// instances may give it: the guard takes the first.
func report(name string, e *entry) domain.Command {
	return domain.ReportOverdue{ToScraper: domain.ToScraper{Scraper: name}, Since: e.scraper.Expect.Since}
}

// reported takes the answer to report. What failed is tried again at the next poll.
func (s *Scheduler) reported(ctx context.Context, name string, e *entry, now time.Time, err error) {
	if err == nil {
		e.deadline, e.unreported = time.Time{}, false
		return
	}
	if ctx.Err() == nil && !e.unreported {
		s.Logger.Error("reporting an overdue scraper failed, retrying", "scraper", name, "error", err)
	}
	e.deadline, e.unreported = now.Add(Poll), true
}
