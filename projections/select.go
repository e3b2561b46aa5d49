package projections

import (
	"context"
	"iter"
	"strings"

	"scrapelog/eventstore"
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
		err := eventstore.EachRow(ctx, q, query, nil, func(row eventstore.Scanner) error {
			if err := row.Scan(into...); err != nil {
				return err
			}
			for i, value := range values {
				if raw, ok := value.([]byte); ok {
					values[i] = string(raw)
				}
			}
			if !yield(values, nil) {
				return eventstore.ErrEnough
			}
			return nil
		})
		if err != nil {
			yield(nil, err)
		}
	}
}
