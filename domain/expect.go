package domain

import (
	"fmt"
	"math"
	"time"
)

// ExpectConfig configures what the runs of a scraper are expected to bring. The zero
// value expects nothing.
type ExpectConfig struct {
	SuccessWithin Duration `json:"success_within,omitzero" yaml:"success_within"` // a run must complete as expected within this time, else the scraper is overdue; 0: never
	MinItems      int64    `json:"min_items,omitzero" yaml:"min_items"`           // a run that completes with fewer is short
}

func (c ExpectConfig) validate() error {
	if c.SuccessWithin != 0 {
		if err := within("expect.success_within", c.SuccessWithin, 100*time.Millisecond, 366*24*time.Hour); err != nil {
			return err
		}
	}
	if c.MinItems < 0 {
		return &FieldError{"expect.min_items", fmt.Sprintf("%d is negative", c.MinItems), fmt.Sprintf("use 0 to %d", math.MaxInt64)}
	}
	return nil
}

// AsExpected reports whether the run brought as many items as were expected of it.
func (e RunCompleted) AsExpected() bool { return e.MinItems == 0 }

// Expectation is the state of a scraper's expect.success_within. An overdue scraper is
// reported once; the next report needs a new count, which begins with a run that
// completes as expected, with a changed expect.success_within or with the end of a
// pause. While Within is 0 the times mean nothing.
type Expectation struct {
	Within       Duration  // 0: nothing is expected
	Since        time.Time // from when the time counts
	LastSuccess  time.Time // the last run that completed as expected since the expectation was configured
	OverdueSince time.Time // zero: not overdue
}

// Expects reports whether a run that completes as expected is waited for.
func (g Guard) Expects() bool {
	return g.Expect.Within != 0 && g.Expect.OverdueSince.IsZero() && !g.Paused && !g.Removed
}

func (x Expectation) configured(within Duration, at time.Time) Expectation {
	switch {
	case within == x.Within:
		return x
	case x.Within == 0:
		x.LastSuccess = time.Time{}
	}
	return Expectation{Within: within, Since: at, LastSuccess: x.LastSuccess}
}

// completed depends on nothing but e: the store moves the guard at the end of a run
// without reading it.
func (x Expectation) completed(e RunCompleted) Expectation {
	if !e.AsExpected() {
		return x
	}
	return Expectation{Within: x.Within, Since: e.At, LastSuccess: e.At}
}

// overdue records that the time is up, once for each count.
func (s Scraper) overdue(c ReportOverdue, at time.Time) []Event {
	if !s.Expects() || !s.Expect.Since.Equal(c.Since) {
		return nil
	}
	return []Event{ScraperOverdue{AboutScraper: c.about(at), Within: s.Expect.Within, LastSuccessAt: s.Expect.LastSuccess}}
}
