package eventstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"scrapelog/domain"
)

// Querier is implemented by *sql.DB, *sql.Conn and *sql.Tx.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Scanner is a row of a query.
type Scanner interface{ Scan(dest ...any) error }

// ErrEnough ends [EachRow] without an error: the other rows are not wanted.
var ErrEnough = errors.New("enough rows")

// EachRow calls do for every row of a query. Its errors are those of the database and
// of do.
func EachRow(ctx context.Context, from Querier, query string, args []any, do func(row Scanner) error) error {
	rows, err := from.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		switch err := do(rows); {
		case errors.Is(err, ErrEnough):
			return nil
		case err != nil:
			return err
		}
	}
	return rows.Err()
}

// Value scans a row of one column.
func Value[T any](row Scanner) (value T, err error) { return value, row.Scan(&value) }

// Micros scans a column of unix microseconds into a time, in UTC. NULL is the zero time.
type Micros struct{ To *time.Time }

// Scan implements sql.Scanner.
func (m Micros) Scan(src any) error {
	var n sql.NullInt64
	err := n.Scan(src)
	if *m.To = (time.Time{}); n.Valid {
		*m.To = time.UnixMicro(n.Int64).UTC()
	}
	return err
}

// Select lists what scan makes of the rows of a query. Its errors wrap ErrUnavailable.
func Select[T any](ctx context.Context, from Querier, doing string, scan func(Scanner) (T, error), query string, args ...any) ([]T, error) {
	all, err := selectRows(ctx, from, scan, query, args...)
	return all, Unavailable(ctx, doing, err)
}

// selectRows is Select with the errors of the database as they are.
func selectRows[T any](ctx context.Context, from Querier, scan func(Scanner) (T, error), query string, args ...any) (all []T, err error) {
	err = EachRow(ctx, from, query, args, func(row Scanner) error {
		one, err := scan(row)
		all = append(all, one)
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// SelectOne returns what scan makes of the one row of a query; domain.ErrNotFound if
// there is none. The errors name what is selected.
func SelectOne[T any](ctx context.Context, from Querier, what string, scan func(Scanner) (T, error), query string, args ...any) (T, error) {
	one, err := scan(from.QueryRowContext(ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return one, fmt.Errorf("%s: %w", what, domain.ErrNotFound)
	}
	return one, Unavailable(ctx, what, err)
}

// Exec runs a statement in the transaction of ctx, or in one that it begins, and
// returns how many rows it changed.
func (s *Store) Exec(ctx context.Context, doing, statement string, args ...any) (changed int64, err error) {
	err = s.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, statement, args...)
		if err == nil {
			changed, err = result.RowsAffected()
		}
		return Unavailable(ctx, doing, err)
	})
	return changed, err
}
