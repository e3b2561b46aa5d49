package serve

import (
	"context"

	"scrapelog/domain"
	"scrapelog/eventstore/instances"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/metrics"
)

// figures returns what /metrics reads at each scrape.
func (s *service) figures() metrics.Sources {
	return metrics.Sources{
		Version: s.version, PerScraper: s.config.Metrics.PerScraper,
		Head: s.store.Head, Counts: s.queries.Counts, Groups: s.feed.GroupStates, Relays: s.feed.Relays, Vitals: s.queries.Vitals, Outages: s.queries.CountOpenOutages,
		Notices: func(yield func(channel, result string, n int64)) { s.channels.Results(yield) },
		Instances: func(ctx context.Context) (int, error) {
			live, err := instances.New(s.store).Live(ctx)
			return len(live), err
		},
		Streams: func() map[string]int { return s.streams() },
		Waiting: func() (ends, slots int) {
			t := s.current.Load()
			ends, _ = t.Unrecorded()
			return ends, t.SlotsOverdue()
		},
		Sealing: func() proof.State { return s.sealer.State() },
		Verified: func() (domain.LogVerified, string) {
			return s.verifier.Good(), s.verifier.Damage()
		},
		Wrong:  func() []string { wrong, _ := s.flaws.Found(); return wrong },
		Logger: s.logger,
	}
}
