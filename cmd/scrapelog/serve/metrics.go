package serve

import (
	"context"

	"scrapelog/eventstore/instances"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/api"
	"scrapelog/handlers/live"
	"scrapelog/handlers/metrics"
)

// figures returns what /metrics reads at each scrape.
func (s *service) figures() metrics.Sources {
	return metrics.Sources{
		Version: s.version, PerScraper: s.config.Metrics.PerScraper,
		Head: s.store.Head, Counts: s.queries.Counts, Groups: s.feed.GroupStates, Vitals: s.queries.Vitals,
		Instances: func(ctx context.Context) (int, error) {
			live, err := instances.New(s.store).Live(ctx)
			return len(live), err
		},
		Streams: func() map[string]int { return s.streams() },
		Waiting: s.waitingHere,
		Sealing: func() proof.State { return s.sealer.State() },
		Wrong:   func() []string { wrong, _ := s.flaws.Found(); return wrong },
		Logger:  s.logger,
	}
}

// openStreams returns how many streams are open here, by kind.
func (s *service) openStreams(programs *api.Handler, watchers, pages *live.Hub) map[string]int {
	streams := map[string]int{"events": programs.Tails(), "watch": watchers.Readers(), "page": pages.Readers(), "scraper": 0}
	if t := s.current.Load(); t != nil {
		streams["scraper"] = t.supervisor.Streams()
	}
	return streams
}

// waitingHere returns how many ended runs wait to be recorded by this instance, and how
// many slots it could not start in time.
func (s *service) waitingHere() (ends, slots int) {
	t := s.current.Load()
	if t == nil {
		return 0, 0
	}
	ends, _ = t.supervisor.Unrecorded()
	return ends, t.scheduler.SlotsOverdue()
}
