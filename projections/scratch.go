package projections

import (
	"context"
	"database/sql"
	"fmt"

	"scrapelog/eventstore"
)

// scratch is a temporary database that holds the runs of a replay, so that its
// memory does not grow with the log.
type scratch struct {
	db    *sql.DB
	tx    current
	place place
}

func openScratch(ctx context.Context) (*scratch, error) {
	db, err := eventstore.Scratch(ctx)
	if err != nil {
		return nil, err
	}
	s := &scratch{db: db}
	s.place = place{querier: &s.tx, next: "_next", dialect: eventstore.SQLite}
	s.tx.querier = db
	if _, err := db.ExecContext(ctx, s.place.statement("runs.create")); err != nil {
		s.close()
		return nil, fmt.Errorf("temporary database: %w", err)
	}
	return s, nil
}

func (s *scratch) close() { _ = s.db.Close() }

// inTx runs fn in one transaction.
func (s *scratch) inTx(ctx context.Context, fn func() error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("temporary database: %w", err)
	}
	s.tx.querier = tx
	defer func() { s.tx.querier = s.db }()
	if err := fn(); err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}
