package projections

import (
	"context"
	"errors"
	"iter"
	"strings"
)

// SelectAll yields every row of a table in the order of its key, the first column.
// A row is valid until the next one.
func SelectAll(ctx context.Context, q querier, table string, columns []string, collation string) iter.Seq2[[]any, error] {
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

// errEnough ends a query whose remaining rows are not wanted.
var errEnough = errors.New("enough rows")
