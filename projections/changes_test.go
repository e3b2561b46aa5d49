package projections

import (
	"math/rand/v2"
	"testing"

	"github.com/google/uuid"

	"scrapelog/domain"
)

func TestChangesAreToldOnceAndInOrder(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Given(configured(0), started(runA, 1))
		state, err := log.ChangedSince(t.Context(), 0)
		if err != nil || !state.State || state.Position != 2 || len(state.Runs) != 1 || len(state.Scrapers) != 1 || state.Counts["running"] != 1 {
			t.Fatalf("state: %+v, %v", state, err)
		}
		if none, err := log.ChangedSince(t.Context(), 2); err != nil || none.State || none.Position != 2 || len(none.Runs)+len(none.Scrapers) != 0 {
			t.Errorf("nothing new: %+v, %v", none, err)
		}
		log.Given(lost(runA, 2), restored(runA, 3), recovers(runB, runA, 3))
		changes, err := log.ChangedSince(t.Context(), 2)
		if err != nil || changes.State || changes.Position != 5 || changes.Counts.Total() != 2 {
			t.Fatalf("changes: %+v, %v", changes, err)
		}
		if len(changes.Runs) != 2 || changes.Runs[0].ID != runA || changes.Runs[0].RecoveredBy != runB || changes.Runs[1].ID != runB {
			t.Errorf("runs: %+v", changes.Runs)
		}
		if len(changes.Scrapers) != 1 || changes.Scrapers[0].OpenRun != runB {
			t.Errorf("scrapers: %+v", changes.Scrapers)
		}
		log.Given(domain.ScraperRemoved{AboutScraper: aboutShop(9)})
		changes, err = log.ChangedSince(t.Context(), 5)
		if err != nil || len(changes.Scrapers) != 1 || !changes.Scrapers[0].Removed || len(changes.Runs) != 0 {
			t.Errorf("a removal: %+v, %v", changes, err)
		}
	})
}

func TestChangesWaitForTheSlowestProjection(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Given(configured(0), started(runA, 1))
		log.Append(completed(runA, 2, 1))
		if err := log.FollowOne(All()[0]); err != nil {
			t.Fatal(err)
		}
		if c, err := log.ChangedSince(t.Context(), 2); err != nil || c.Position != 2 || len(c.Runs) != 0 {
			t.Errorf("while one has yet to come: %+v, %v", c, err)
		}
		log.Follow()
		if c, err := log.ChangedSince(t.Context(), 2); err != nil || c.Position != 3 || len(c.Runs) != 1 || len(c.Scrapers) != 1 {
			t.Errorf("once all have come: %+v, %v", c, err)
		}
	})
}

func TestManyChangesComeInParts(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Given(configured(0))
		log.Given(manyRuns(rand.New(rand.NewPCG(1, 1)), 700)...)
		head, err := log.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		seen, position := map[uuid.UUID]bool{}, int64(1)
		for asked := 0; ; asked++ {
			c, err := log.ChangedSince(t.Context(), position)
			if err != nil || asked > 4 {
				t.Fatalf("asked %d times: %v", asked, err)
			}
			if len(c.Runs) > MaxLimit {
				t.Errorf("%d runs at once", len(c.Runs))
			}
			for _, r := range c.Runs {
				seen[r.ID] = true
			}
			if c.Position == position {
				break
			}
			position = c.Position
		}
		if position != head || len(seen) != 700 {
			t.Errorf("came to %d of %d and saw %d runs", position, head, len(seen))
		}
	})
}

func TestAStateHoldsOldRunsThatAreStillOpen(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Given(started(runA, -1), started(runB, -2))
		var events []domain.Event
		for range DefaultLimit + 10 {
			id := uuid.New()
			events = append(events, started(id, 1), completed(id, 2, 0))
		}
		log.Given(events...)
		state, err := log.ChangedSince(t.Context(), 0)
		if err != nil || len(state.Runs) != DefaultLimit+2 {
			t.Fatalf("%d runs, %v", len(state.Runs), err)
		}
		if state.Runs[DefaultLimit].ID != runA || state.Runs[DefaultLimit+1].ID != runB {
			t.Errorf("the last two: %+v", state.Runs[DefaultLimit:])
		}
	})
}
