package feed_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/feed"
)

// TestOpenAndLostRunsAreThoseOfTheGuards appends events of all kinds in random order
// and compares what the feed has of them with the guard rows after each one: most
// often it has read the event, and now and then all guards.
func TestOpenAndLostRunsAreThoseOfTheGuards(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := feed.New(db.Open(t))
		random := rand.New(rand.NewPCG(3, 4))
		runs := map[string]uuid.UUID{}
		versions := map[string]int64{}
		for range 150 {
			scraper := fmt.Sprint("shop-", random.IntN(4))
			e := randomEvent(random, scraper, runs)
			a := appendOf(versions[e.Stream()], e)
			mustAppend(t, s, a)
			versions[e.Stream()]++
			assertHeld(t, s)
		}
	})
}

func randomEvent(random *rand.Rand, scraper string, runs map[string]uuid.UUID) domain.Event {
	about := domain.AboutRun{RunID: runs[scraper], Scraper: scraper}
	kind := random.IntN(7)
	if about.RunID == uuid.Nil {
		kind = 0
	}
	switch kind {
	case 0, 1:
		runs[scraper] = uuid.New()
		about.RunID = runs[scraper]
		return domain.RunStarted{AboutRun: about, Instance: fmt.Sprint("i", random.IntN(2))}
	case 2, 3:
		return domain.ConnectionLost{AboutRun: about}
	case 4:
		return domain.ConnectionRestored{AboutRun: about}
	case 5:
		return domain.ScraperRemoved{AboutScraper: domain.AboutScraper{Scraper: scraper}}
	default:
		return domain.ScraperConfigured{AboutScraper: domain.AboutScraper{Scraper: scraper}}
	}
}

func assertHeld(t *testing.T, s *feed.Feed) {
	t.Helper()
	guards, err := s.Guards(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	open, lost := map[string]map[uuid.UUID]bool{"i0": {}, "i1": {}}, map[string]uuid.UUID{}
	for _, g := range guards {
		if g.OpenRun != uuid.Nil {
			open[g.Instance][g.OpenRun] = true
		}
		if g.ConnectionDown() && !g.Removed {
			lost[g.Scraper] = g.LostRun
		}
	}
	for instance, want := range open {
		runs, err := s.OpenRuns(t.Context(), instance)
		got := map[uuid.UUID]bool{}
		for _, run := range runs {
			got[run] = true
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Fatalf("open runs of %s: %v\n%s", instance, err, diff)
		}
	}
	down, err := s.Lost(t.Context())
	got := map[string]uuid.UUID{}
	for _, g := range down {
		got[g.Scraper] = g.LostRun
	}
	if diff := cmp.Diff(lost, got); diff != "" || err != nil {
		t.Fatalf("lost scrapers: %v\n%s", err, diff)
	}
}

// TestGuardsAreReadAgain checks that a guard that no event has moved is found by
// the poll.
func TestGuardsAreReadAgain(t *testing.T) {
	s := feed.New(eventstoretest.SQLite(t).Open(t))
	run := uuid.New()
	mustAppend(t, s, appendOf(0, started(run)))
	if runs, err := s.OpenRuns(t.Context(), "one"); len(runs) != 1 || err != nil {
		t.Fatal(runs, err)
	}
	err := s.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE scraper_guard SET open_run = NULL`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	await(t, func() bool {
		runs, err := s.OpenRuns(t.Context(), "one")
		return len(runs) == 0 && err == nil
	})
}
