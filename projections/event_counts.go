package projections

import (
	"context"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

const eventTypes = `SELECT type, count(*) FROM events GROUP BY type`

// eventTypesAfter groups by an expression, so that SQLite walks the new events and not
// the index of all types.
const eventTypesAfter = `SELECT type || '', count(*) FROM events WHERE position > $1 GROUP BY type || ''`

// EventCounts returns how many events of each type come after a position, by the
// present names of the types. Positions have no gaps, so the position and the counts add
// up to the position that was counted to. For the whole log it walks an index.
func (q *Queries) EventCounts(ctx context.Context, after int64) (map[string]int64, error) {
	query, args := eventTypes, []any(nil)
	if after > 0 {
		query, args = eventTypesAfter, []any{after}
	}
	counts := map[string]int64{}
	err := q.each(ctx, "event counts", query, args, func(row eventstore.Scanner) error {
		var eventType string
		var events int64
		err := row.Scan(&eventType, &events)
		counts[domain.Current(eventType)] += events
		return err
	})
	return counts, err
}
