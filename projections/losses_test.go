package projections

import (
	"testing"

	"scrapelog/domain"
)

func TestTheLossesOfAScraper(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		recovery := started(runB, 9)
		recovery.Recovers, recovery.Trigger = runA, domain.TriggerRecovery
		other := startedOf("other", 3)
		log.Given(configured(0), started(runA, 1), lost(runA, 2), other, restored(runA, 8), recovery, lost(runB, 10))
		losses, err := log.LossesOf(t.Context(), "shop", 5)
		if err != nil || len(losses) != 2 {
			t.Fatalf("%+v, %v", losses, err)
		}
		if l := losses[0]; l.Run.ID != runB || !l.RestartedAt.IsZero() {
			t.Errorf("the newest: %+v", l)
		}
		if l := losses[1]; l.Run.ID != runA || !l.RestartedAt.Equal(at(9)) || !l.Run.RestoredAt.Equal(at(8)) {
			t.Errorf("the one that was recovered: %+v", l)
		}
		if losses, err := log.LossesOf(t.Context(), "shop", 1); err != nil || len(losses) != 1 {
			t.Errorf("of one: %+v, %v", losses, err)
		}
	})
}
