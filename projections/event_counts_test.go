package projections

import (
	"maps"
	"testing"

	"github.com/google/uuid"

	"scrapelog/domain"
)

func TestEventCounts(t *testing.T) {
	defer domain.Retire("run.completed", "run.ended", nil)()
	onEach(t, func(t *testing.T, log *testLog) {
		run, next := uuid.New(), uuid.New()
		log.Append(configured(0), started(run, 1), completed(run, 2, 7), started(next, 3))
		for after, want := range map[int64]map[string]int64{
			0: {"scraper.configured": 1, "run.started": 2, "run.ended": 1},
			3: {"run.started": 1},
			4: {},
		} {
			if got, err := NewQueries(log.Store).EventCounts(t.Context(), after); err != nil || !maps.Equal(got, want) {
				t.Errorf("after %d: %v %v, want %v", after, got, err, want)
			}
		}
	})
}
