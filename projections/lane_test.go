package projections

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scrapelog/domain"
)

// TestLaneSlots tells an hour of one scraper, and a loss that reaches over the edge of a
// quarter of an hour.
func TestLaneSlots(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		minute := func(m float64) float64 { return 60 * m }
		down := restoredOf("a", minute(20))
		down.DownForMS = (12 * time.Minute).Milliseconds()
		watcher := restoredOf("a", minute(50))
		watcher.Link, watcher.DownForMS = domain.LinkWatcher, 5000
		done := domain.RunCompleted{AboutRun: startedOf("a", minute(31)).AboutRun, DurationMS: 1500, Items: 7}
		left := lostOf("a", minute(49))
		left.Link, left.Cause = domain.LinkWatcher, domain.CauseWatcherGone
		other := domain.RunCancelled{AboutRun: startedOf("b", minute(31)).AboutRun}
		log.Given(startedOf("a", 0), lostOf("a", minute(8)), down, done, done, left, watcher, other)

		slots := func(size time.Duration, names ...string) (text []string) {
			found, err := log.Queries.LaneSlots(t.Context(), names, at(0), size)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				for _, s := range found[name] {
					text = append(text, fmt.Sprintf("%s +%s ok %d items %d took %s lost %d gone %d cancelled %d away %s",
						name, s.Start.Sub(at(0)), s.Completed, s.Items, s.Took, s.Lost, s.Gone, s.Cancelled, s.Away))
				}
			}
			return text
		}
		want := []string{
			"a +0s ok 0 items 0 took 0s lost 1 gone 0 cancelled 0 away 7m0s", "a +15m0s ok 0 items 0 took 0s lost 0 gone 0 cancelled 0 away 5m0s",
			"a +30m0s ok 2 items 14 took 3s lost 0 gone 0 cancelled 0 away 0s", "a +45m0s ok 0 items 0 took 0s lost 0 gone 1 cancelled 0 away 0s",
			"b +30m0s ok 0 items 0 took 0s lost 0 gone 0 cancelled 1 away 0s",
		}
		if diff := cmp.Diff(want, slots(15*time.Minute, "a", "b")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"a +0s ok 2 items 14 took 3s lost 1 gone 1 cancelled 0 away 12m0s"}, slots(2*time.Hour, "a")); diff != "" {
			t.Error(diff)
		}
		if got := slots(time.Hour); got != nil {
			t.Errorf("of no scraper: %q", got)
		}
		log.walks("lane_slots_scraper", fmt.Sprintf(laneSlots, "$3, $4"), 1, 2, "a", "b")
	})
}
