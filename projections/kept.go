package projections

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strings"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// ErrNotBuilt: there is no read model of that name, or one of another version of
// this program.
var ErrNotBuilt = fmt.Errorf("%w: the read model is not built by this version of the program; a server builds it when it starts", domain.ErrConflict)

// Kept is read models as they are kept: by [InTables] or by [InFile].
type Kept interface {
	// open begins to read the given projections, or says ErrNotBuilt.
	open(ctx context.Context, of []Projection) (kept, error)
}

// kept is one state of read models, which does not change while it is read.
type kept interface {
	// position is how far a projection had come.
	position(ctx context.Context, p Projection) (int64, error)
	// all yields the values of every row of a table, in the order of columns; the
	// first of them is the key, by which the rows are ordered.
	all(ctx context.Context, table string, columns []string) iter.Seq2[[]any, error]
	close()
}

// InTables is the read models that serve, in the tables of a database.
func InTables(store *eventstore.Store) Kept { return tables{store} }

type tables struct{ *eventstore.Store }

func (t tables) open(ctx context.Context, of []Projection) (kept, error) {
	for _, p := range of {
		if err := p.mustBeBuilt(ctx, t.Store); err != nil {
			return nil, err
		}
	}
	options := &sql.TxOptions{ReadOnly: true}
	if t.Dialect() == eventstore.Postgres {
		options.Isolation = sql.LevelRepeatableRead
	}
	tx, err := t.Reader().BeginTx(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("%w: read models: %w", eventstore.ErrUnavailable, err)
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

func (p Projection) mustBeBuilt(ctx context.Context, store *eventstore.Store) error {
	var found int
	err := store.Reader().QueryRowContext(ctx, statement("tables.count."+string(store.Dialect())), "projections").Scan(&found)
	if err != nil {
		return fmt.Errorf("%w: read models: %w", eventstore.ErrUnavailable, err)
	}
	if found == 0 {
		return fmt.Errorf("%s: %w", p.name, ErrNotBuilt)
	}
	built, err := p.current(ctx, store)
	if err == nil && !built {
		err = fmt.Errorf("%s: %w", p.name, ErrNotBuilt)
	}
	return err
}

// snapshot is one state of all tables and of the groups' offsets.
type snapshot struct {
	*sql.Tx
	collation string // that orders texts by their bytes
}

// hold keeps a rebuild from swapping the tables: PostgreSQL finds a table by the
// name that it has now, whatever the snapshot, and would show the new one empty.
// LOCK comes first because it takes no snapshot.
func (s snapshot) hold(ctx context.Context, of []Projection) error {
	for _, p := range of {
		for _, table := range p.tables {
			if _, err := s.ExecContext(ctx, "LOCK TABLE "+table+" IN ACCESS SHARE MODE"); err != nil {
				return fmt.Errorf("%w: read models: %w", eventstore.ErrUnavailable, err)
			}
		}
	}
	return nil
}

func (s snapshot) close() { _ = s.Rollback() }

func (s snapshot) position(ctx context.Context, p Projection) (position int64, err error) {
	err = s.QueryRowContext(ctx, statement("offset.get"), eventstore.Topic, p.name).Scan(&position)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return position, err
}

func (s snapshot) all(ctx context.Context, table string, columns []string) iter.Seq2[[]any, error] {
	return selectAll(ctx, s, table, columns, s.collation)
}

// selectAll yields every row of a table in the order of its key, the first column.
// A row is valid until the next one.
func selectAll(ctx context.Context, q querier, table string, columns []string, collation string) iter.Seq2[[]any, error] {
	query := "SELECT " + strings.Join(columns, ", ") + " FROM " + table + " ORDER BY " + columns[0] + collation
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	return func(yield func([]any, error) bool) {
		err := each(ctx, q, query, nil, func(scan func(...any) error) error {
			if err := scan(into...); err != nil {
				return err
			}
			for i, value := range values {
				if raw, ok := value.([]byte); ok {
					values[i] = string(raw)
				}
			}
			if !yield(values, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(nil, err)
		}
	}
}

// errEnough ends a query whose other rows are not wanted.
var errEnough = errors.New("enough rows")
