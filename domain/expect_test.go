package domain_test

import (
	"testing"
	"time"

	"scrapelog/domain"
)

// expects configures, at noon, that a run completes within a minute.
func expects(change func(*domain.ScraperConfig)) domain.ScraperConfigured {
	e := configured(func(c *domain.ScraperConfig) {
		c.Expect = domain.ExpectConfig{SuccessWithin: domain.Duration(time.Minute), MinItems: 1}
		if change != nil {
			change(c)
		}
	})
	e.At = noon
	return e
}

func TestOverdue(t *testing.T) {
	since := func(seconds float64) domain.ReportOverdue {
		return domain.ReportOverdue{ToScraper: toScraper, Since: at(seconds)}
	}
	overdue := func(change func(*domain.ScraperOverdue)) []domain.Event {
		e := domain.ScraperOverdue{AboutScraper: aboutScraper(120), Within: domain.Duration(time.Minute)}
		if change != nil {
			change(&e)
		}
		return events(e)
	}
	succeeded := func(e *domain.ScraperOverdue) { e.LastSuccessAt = at(60) }
	short := domain.RunCompleted{AboutRun: aboutRun(runID, 60), MinItems: 1}
	reported := domain.ScraperOverdue{AboutScraper: aboutScraper(65), Within: domain.Duration(time.Minute)}
	again := domain.RunCompleted{AboutRun: aboutRun(otherID, 90), Items: 7}
	otherURL := func(c *domain.ScraperConfig) { c.URL += "/all" }
	longer := expects(func(c *domain.ScraperConfig) { c.Expect.SuccessWithin = domain.Duration(time.Hour) })
	longer.At = at(70)
	inAnHour := func(e *domain.ScraperOverdue) { e.Within = domain.Duration(time.Hour) }
	newly := expects(nil)
	newly.At = at(80)

	for name, rule := range map[string]scraperRule{
		"a scraper that never ran is overdue":                         {given: events(expects(nil)), when: since(0), then: overdue(nil)},
		"a scraper is overdue when nothing followed its success":      {given: events(expects(nil), started, completed), when: since(60), then: overdue(succeeded)},
		"a success in between begins the count again":                 {given: events(expects(nil), started, completed), when: since(0)},
		"a run with too few items is no success":                      {given: events(expects(nil), started, short), when: since(0), then: overdue(nil)},
		"a failed run is no success":                                  {given: events(expects(nil), started, failed), when: since(0), then: overdue(nil)},
		"a cancelled run is no success":                               {given: events(expects(nil), started, cancelled), when: since(0), then: overdue(nil)},
		"a lost run is no success":                                    {given: events(expects(nil), started, lost, restored), when: since(0), then: overdue(nil)},
		"an open run is no success yet":                               {given: events(expects(nil), started), when: since(0), then: overdue(nil)},
		"a scraper of which nothing is expected is not overdue":       {given: events(configured(nil), started, completed), when: since(60)},
		"overdue is recorded once":                                    {given: events(expects(nil), reported), when: since(0)},
		"a run with too few items does not end it":                    {given: events(expects(nil), reported, started, short), when: since(0)},
		"after the next success it is recorded again":                 {given: events(expects(nil), started, completed, reported, again), when: since(90), then: overdue(func(e *domain.ScraperOverdue) { e.LastSuccessAt = at(90) })},
		"an unknown scraper is not overdue":                           {when: since(0), refuse: domain.ErrNotFound},
		"a paused scraper is not overdue":                             {given: events(expects(nil), paused), when: since(0)},
		"a resumed scraper is not overdue at once":                    {given: events(expects(nil), paused, resumed), when: since(0)},
		"the time counts from the end of the pause":                   {given: events(expects(nil), started, completed, paused, resumed), when: since(70), then: overdue(succeeded)},
		"a pause ends it":                                             {given: events(expects(nil), reported, paused, resumed), when: since(70), then: overdue(nil)},
		"a removed scraper is not overdue":                            {given: events(expects(nil), removed), when: since(0)},
		"one that is configured again counts from there":              {given: events(expects(nil), reported, removed, newly), when: since(80), then: overdue(nil)},
		"a changed expectation counts from there":                     {given: events(expects(nil), longer), when: since(70), then: overdue(inAnHour)},
		"a changed expectation ends it":                               {given: events(expects(nil), reported, longer), when: since(70), then: overdue(inAnHour)},
		"a changed expectation keeps the last success":                {given: events(expects(nil), started, completed, longer), when: since(70), then: overdue(func(e *domain.ScraperOverdue) { inAnHour(e); succeeded(e) })},
		"another change of the configuration does not move the count": {given: events(expects(nil), expects(otherURL)), when: since(0), then: overdue(nil)},
		"an expectation that is gone is not missed":                   {given: events(expects(nil), configured(nil)), when: since(0)},
		"what was before the expectation is not counted":              {given: events(configured(nil), started, completed, newly), when: since(80), then: overdue(nil)},
	} {
		t.Run(name, rule.run)
	}
}

func TestWhatEndsOverdue(t *testing.T) {
	reported := domain.ScraperOverdue{AboutScraper: aboutScraper(65), Within: domain.Duration(time.Minute)}
	for name, c := range map[string]struct {
		then    []domain.Event
		overdue bool
	}{
		"nothing yet":                 {nil, true},
		"not a start":                 {events(started), true},
		"not a failed run":            {events(started, failed), true},
		"not a run without its items": {events(started, domain.RunCompleted{AboutRun: aboutRun(runID, 60), MinItems: 1}), true},
		"not another URL":             {events(expects(func(c *domain.ScraperConfig) { c.URL += "/all" })), true},
		"a run as expected":           {events(started, completed), false},
		"a pause":                     {events(paused), false},
		"a removal":                   {events(removed), false},
		"the end of the expectation":  {events(configured(nil)), false},
	} {
		t.Run(name, func(t *testing.T) {
			s := domain.Scraper{}.Evolve(expects(nil)).Evolve(reported)
			for _, e := range c.then {
				s = s.Evolve(e)
			}
			if since := s.Expect.OverdueSince; !since.IsZero() != c.overdue || c.overdue && !since.Equal(at(65)) {
				t.Errorf("overdue since %v", since)
			}
		})
	}
}
