package eventstore

import (
	"context"
	_ "embed"

	"github.com/google/uuid"

	"scrapelog/domain"
)

var (
	//go:embed sql/scraper_guard.open.sql
	guardOpen string
	//go:embed sql/scraper_guard.lost.sql
	guardLost string
	//go:embed sql/scraper_guard.held.sql
	guardHeld string
)

// OpenRuns lists the open runs that name the instance.
func (s *Store) OpenRuns(ctx context.Context, instance string) ([]uuid.UUID, error) {
	rows, err := s.From(ctx).QueryContext(ctx, guardOpen, instance)
	if err != nil {
		return nil, Unavailable(ctx, "open runs", err)
	}
	runs, err := ScanAll(rows, func(row Scanner) (id uuid.UUID, err error) { return id, row.Scan(&id) })
	if err != nil {
		return nil, Unavailable(ctx, "open runs", err)
	}
	return runs, nil
}

// Lost lists the guards of the scrapers whose connection is down: lost, not
// restored, and not of a scraper that was removed.
func (s *Store) Lost(ctx context.Context) ([]domain.Guard, error) {
	rows, err := s.From(ctx).QueryContext(ctx, guardLost)
	if err != nil {
		return nil, Unavailable(ctx, "lost scrapers", err)
	}
	guards, err := ScanAll(rows, scanGuard)
	if err != nil {
		return nil, Unavailable(ctx, "lost scrapers", err)
	}
	return guards, nil
}

// HeldRun is an open run and its scraper.
type HeldRun struct {
	Scraper string    `json:"scraper"`
	Run     uuid.UUID `json:"run"`
}

// Holding is a live instance and the runs that it follows, by scraper: the first
// of them, where OpenRuns counts more.
type Holding struct {
	InstanceRow
	Runs []HeldRun `json:"runs"`
}

// Holdings lists the live instances, each with at most so many of its runs.
func (s *Store) Holdings(ctx context.Context, runs int) ([]Holding, error) {
	live, err := s.LiveInstances(ctx)
	if err != nil {
		return nil, err
	}
	holdings := make([]Holding, len(live))
	for i, instance := range live {
		rows, err := s.From(ctx).QueryContext(ctx, guardHeld, instance.ID, runs)
		if err != nil {
			return nil, Unavailable(ctx, "held runs", err)
		}
		held, err := ScanAll(rows, func(row Scanner) (r HeldRun, err error) {
			return r, row.Scan(&r.Scraper, &r.Run)
		})
		if err != nil {
			return nil, Unavailable(ctx, "held runs", err)
		}
		holdings[i] = Holding{instance, append([]HeldRun{}, held...)}
	}
	return holdings, nil
}
