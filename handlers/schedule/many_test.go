package schedule_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/schedule"
)

// many is a log of scrapers that share a schedule, where a commit takes 10 ms.
type many struct {
	*log
	scrapers []domain.Scraper

	starts map[string]time.Time
	most   int // at once
}

func (m *many) Guards(context.Context) (guards []domain.Guard, _ error) {
	for _, s := range m.scrapers {
		guards = append(guards, s.Guard)
	}
	return guards, nil
}

func (m *many) Scrapers(context.Context, []string) (map[string]eventstore.ScraperState, error) {
	states := map[string]eventstore.ScraperState{}
	for _, s := range m.scrapers {
		states[s.Scraper] = eventstore.ScraperState{Scraper: s}
	}
	return states, nil
}

func (m *many) commit(_ context.Context, orders []domain.Order) []eventstore.Appended {
	time.Sleep(10 * time.Millisecond)
	for _, order := range orders {
		m.starts[order.Command.(domain.StartScrape).Scraper] = time.Now()
	}
	m.most = max(m.most, len(orders))
	return make([]eventstore.Appended, len(orders))
}

// A thousand slots at the same instant are not started one after the other.
func TestSlotsOfOneInstantStartTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &many{log: newLog(), starts: map[string]time.Time{}}
		for i := range 1000 {
			e := configured(func(c *domain.ScraperConfig) { c.Name, c.Schedule = fmt.Sprintf("s-%d", i), "*/15 * * * *" })
			e.Scraper = e.Config.Name
			m.scrapers = append(m.scrapers, domain.Scraper{}.Evolve(e))
		}
		s := &schedule.Scheduler{
			Log: m, HandleAll: m.commit, Ready: func() {}, Logger: slog.New(slog.DiscardHandler),
			Unanswered: func(string) bool { return false },
			Wake:       func() (<-chan struct{}, func()) { return m.wake, func() {} },
		}
		due := time.Now().Truncate(15 * time.Minute).Add(15 * time.Minute)
		ctx, cancel := context.WithDeadline(t.Context(), due.Add(time.Second))
		defer cancel()
		if err := s.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if len(m.starts) != 1000 || m.most != 1000 {
			t.Errorf("%d slots were started, %d at once; want 1000, and 1000", len(m.starts), m.most)
		}
		for name, at := range m.starts {
			if late := at.Sub(due); late != 10*time.Millisecond {
				t.Errorf("%s was started %v after its slot", name, late)
			}
		}
		known, ok := s.Scraper("s-7")
		if _, other := s.Scraper("nobody"); !ok || other || known.Config.Name != "s-7" {
			t.Errorf("the configuration of s-7: %v %+v; of nobody: %v", ok, known, other)
		}
	})
}
