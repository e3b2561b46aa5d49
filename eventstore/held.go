package eventstore

import (
	"context"

	"github.com/google/uuid"

	"scrapelog/domain"
)

const guardOpen = `SELECT open_run FROM scraper_guard WHERE instance = $1 AND open_run IS NOT NULL`

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
