package replay

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"scrapelog/eventstore"
	"scrapelog/projections"
)

// Kept is read models as they are kept: by [InTables] or by [InFile].
type Kept interface {
	// open begins to read the given projections, or says [projections.ErrNotBuilt].
	open(ctx context.Context, of []projections.Projection) (kept, error)
}

// kept is one state of read models, which does not change while it is read.
type kept interface {
	// position is how far a projection had come.
	position(ctx context.Context, p projections.Projection) (int64, error)
	// all yields the values of every row of a table, in the order of columns; the
	// first of them is the key, by which the rows are ordered.
	all(ctx context.Context, table string, columns []string) iter.Seq2[[]any, error]
	close()
}

// InTables is the read models that serve, in the tables of a database.
func InTables(store *eventstore.Store) Kept { return tables{store} }

type tables struct{ *eventstore.Store }

func (t tables) open(ctx context.Context, of []projections.Projection) (kept, error) {
	for _, p := range of {
		if err := p.MustBeBuilt(ctx, t.Store); err != nil {
			return nil, err
		}
	}
	tx, err := t.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	s := snapshot{Tx: tx}
	if t.Dialect() == eventstore.Postgres {
		s.collation = ` COLLATE "C"`
		err = s.hold(ctx, of)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// snapshot is one state of all tables and of the groups' offsets.
type snapshot struct {
	*sql.Tx
	collation string // that orders texts by their bytes
}

// hold keeps a rebuild from swapping the tables: PostgreSQL finds a table by the
// name that it has now, in any snapshot, and would show the new one empty.
// LOCK comes first because it takes no snapshot.
func (s snapshot) hold(ctx context.Context, of []projections.Projection) error {
	for _, p := range of {
		for _, table := range p.Tables() {
			if _, err := s.ExecContext(ctx, "LOCK TABLE "+table+" IN ACCESS SHARE MODE"); err != nil {
				return fmt.Errorf("%w: read models: %w", eventstore.ErrUnavailable, err)
			}
		}
	}
	return nil
}

func (s snapshot) close() { _ = s.Rollback() }

const offsetOf = `SELECT position FROM consumer_offsets WHERE topic = $1 AND consumer_group = $2`

func (s snapshot) position(ctx context.Context, p projections.Projection) (position int64, err error) {
	err = s.QueryRowContext(ctx, offsetOf, eventstore.Topic, p.Name()).Scan(&position)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return position, err
}

func (s snapshot) all(ctx context.Context, table string, columns []string) iter.Seq2[[]any, error] {
	return projections.SelectAll(ctx, s, table, columns, s.collation)
}
