package eventstore

import (
	"context"

	"scrapelog/domain"
)

// guardHeld reads the whole table: an index would have to be written with every run,
// and cost more than that.
var guardHeld = guardSelect + ` WHERE open_run IS NOT NULL OR lost_run IS NOT NULL OR removed`

// GuardsHeld returns the guards that name an open or a lost run or whose scraper was
// removed, and the position of the log to which they belong.
func (s *Store) GuardsHeld(ctx context.Context) (guards []domain.Guard, head int64, err error) {
	tx, err := s.Snapshot(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = tx.Rollback() }()
	if err := tx.QueryRowContext(ctx, eventsHead).Scan(&head); err != nil {
		return nil, 0, Unavailable(ctx, "head", err)
	}
	guards, err = Select(ctx, tx, "open and lost runs", scanGuard, guardHeld)
	return guards, head, err
}
