package projections

import (
	"testing"

	"scrapelog/domain"
)

func TestTheVitalsOfAScraper(t *testing.T) {
	runFailed := func(seconds float64) domain.RunFailed {
		return domain.RunFailed{AboutRun: about(runA, seconds), Code: "timeout"}
	}
	for name, test := range map[string]struct {
		events []domain.Event
		want   Vitals // but for its times
	}{
		"that never ran":               {nil, Vitals{}},
		"that failed":                  {[]domain.Event{started(runA, 1), runFailed(2)}, Vitals{Failing: true}},
		"that failed and runs again":   {[]domain.Event{started(runA, 1), runFailed(2), started(runB, 3)}, Vitals{Failing: true}},
		"that failed and was lost":     {[]domain.Event{started(runA, 1), runFailed(2), started(runB, 3), lost(runB, 4)}, Vitals{Failing: true, Lost: true}},
		"that failed and completed":    {[]domain.Event{started(runA, 1), runFailed(2), started(runB, 3), completed(runB, 4, 1)}, Vitals{}},
		"that was lost":                {[]domain.Event{started(runA, 1), lost(runA, 2)}, Vitals{Lost: true}},
		"that was lost and is back":    {[]domain.Event{started(runA, 1), lost(runA, 2), restored(runA, 3)}, Vitals{}},
		"that lost its watcher":        {[]domain.Event{started(runA, 1), domain.ConnectionLost{AboutRun: about(runA, 2), Link: domain.LinkWatcher, Cause: domain.CauseWatcherGone}}, Vitals{}},
		"that is overdue, and was not": {[]domain.Event{domain.ScraperOverdue{AboutScraper: aboutShop(5)}}, Vitals{Overdue: at(5)}},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, log *testLog) {
				log.Given(append([]domain.Event{configured(0)}, test.events...)...)
				all, err := log.Vitals(t.Context())
				if err != nil || len(all) != 1 {
					t.Fatalf("%+v, %v", all, err)
				}
				got := all[0]
				losses, err := log.Losses(t.Context())
				if err != nil || losses.Lost > 0 && !got.Lost && name != "that lost its watcher" || got.Lost && losses != (Losses{Lost: 1, Outages: 1}) {
					t.Errorf("%+v, %v", losses, err)
				}
				if got.Name != "shop" || got.Lost != test.want.Lost || got.Failing != test.want.Failing || !got.Overdue.Equal(test.want.Overdue) {
					t.Errorf("%+v, want %+v", got, test.want)
				}
				counts, err := log.ScraperCounts(t.Context())
				if err != nil || counts.All != 1 || counts.Lost == 1 != test.want.Lost {
					t.Errorf("counted %+v (%v)", counts, err)
				}
			})
		})
	}
}
