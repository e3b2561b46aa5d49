package projections

import (
	"context"
	"database/sql"
	"fmt"

	"scrapelog/eventstore"
)

// Scratch is a temporary database that holds the runs and outages of a replay, so that its
// memory does not grow with the log.
type Scratch struct {
	db    *sql.DB
	tx    current
	place place
}

// OpenScratch makes one.
func OpenScratch(ctx context.Context) (*Scratch, error) {
	db, err := eventstore.Scratch(ctx)
	if err != nil {
		return nil, err
	}
	s := &Scratch{db: db}
	s.place = place{querier: &s.tx, next: "_next", dialect: eventstore.SQLite, most: 1000}
	s.tx.querier = db
	for _, t := range append([]table{runsTable, laneSlotsTable}, outageTables...) {
		if _, err := db.ExecContext(ctx, t.create(s.place)); err != nil {
			s.Close()
			return nil, fmt.Errorf("temporary database: %w", err)
		}
	}
	return s, nil
}

// Close removes it.
func (s *Scratch) Close() { _ = s.db.Close() }

// InTx runs fn in one transaction.
func (s *Scratch) InTx(ctx context.Context, fn func() error) error {
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
