package instances

import (
	"context"

	"github.com/google/uuid"

	"scrapelog/eventstore"
)

const guardHeld = `SELECT scraper, open_run FROM scraper_guard
WHERE open_run IS NOT NULL AND instance = $1
ORDER BY scraper
LIMIT $2`

// HeldRun is an open run and its scraper.
type HeldRun struct {
	Scraper string    `json:"scraper"`
	Run     uuid.UUID `json:"run"`
}

// Holding is a live instance and the first of the runs that it follows, by scraper;
// OpenRuns counts all of them.
type Holding struct {
	Row
	Runs []HeldRun `json:"runs"`
}

// Holdings lists the live instances, each with at most the given number of its runs.
func (s *Registry) Holdings(ctx context.Context, runs int) ([]Holding, error) {
	live, err := s.Live(ctx)
	if err != nil {
		return nil, err
	}
	holdings := make([]Holding, len(live))
	for i, instance := range live {
		held, err := eventstore.Select(ctx, s.From(ctx), "held runs", func(row eventstore.Scanner) (r HeldRun, err error) {
			return r, row.Scan(&r.Scraper, &r.Run)
		}, guardHeld, instance.ID, runs)
		if err != nil {
			return nil, err
		}
		holdings[i] = Holding{instance, append([]HeldRun{}, held...)}
	}
	return holdings, nil
}
