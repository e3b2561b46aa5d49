package scrape

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/dial"
)

// gauge is how many are under way at once, and the most there were.
type gauge struct {
	mu        sync.Mutex
	now, most int
}

func (g *gauge) pass() {
	g.mu.Lock()
	g.now++
	g.most = max(g.most, g.now)
	g.mu.Unlock()
	time.Sleep(10 * time.Millisecond)
	g.mu.Lock()
	g.now--
	g.mu.Unlock()
}

func TestAStormOpensAndEndsAFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const runs = 10*atOnce + 1
		b, s := offline()
		var opening, ending gauge
		ended := make(chan uuid.UUID, runs)
		s.Config = func(context.Context, string) (dial.Target, error) {
			opening.pass()
			return dial.Target{}, domain.ErrNotFound
		}
		s.Handle = func(_ context.Context, c domain.Command, _ domain.Origin) ([]eventstore.Recorded, error) {
			ending.pass()
			ended <- c.(domain.RunCommand).Run()
			return nil, nil
		}
		s.Logger = slog.New(slog.DiscardHandler)
		for range runs {
			b.start()
		}
		running(t, s)
		seen := map[uuid.UUID]bool{}
		for range runs {
			seen[<-ended] = true
		}
		if len(seen) != runs || opening.most != atOnce || ending.most != atOnce {
			t.Errorf("%d runs, %d opened and %d ended at once; want %d, and %d of each", len(seen), opening.most, ending.most, runs, atOnce)
		}
	})
}
