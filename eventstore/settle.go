package eventstore

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

const (
	eventsWithIDsSQLite   = eventsWhere + `id IN (SELECT value FROM json_each($1))`
	eventsWithIDsPostgres = eventsWhere + `id IN (SELECT value::uuid FROM json_array_elements_text($1::json))`
)

// rowsOf calls do for every row of a query.
type rowsOf func(query string, args []any, do func(row Scanner) error) error

// rowsFrom are those that from has.
func rowsFrom(ctx context.Context, from Querier) rowsOf {
	return func(query string, args []any, do func(row Scanner) error) error {
		return EachRow(ctx, from, query, args, do)
	}
}

// settle looks for refused requests in the log: one whose commit had an unknown fate
// was refused because it took effect. Its answer is then the rows that it wrote.
func settle(rows rowsOf, withIDs string, group []*request) error {
	var refused []*request
	for _, r := range group {
		if r.settle && r.refusal != nil {
			refused = append(refused, r)
		}
	}
	if len(refused) == 0 {
		return nil
	}
	known, err := eventsWithIDs(rows, withIDs, idsOf(refused))
	if err != nil {
		return err
	}
	for _, r := range refused {
		r.compare(known)
	}
	return nil
}

func idsOf(group []*request) (ids []uuid.UUID) {
	for _, r := range group {
		for _, record := range r.records {
			ids = append(ids, record.ID)
		}
	}
	return ids
}

func eventsWithIDs(rows rowsOf, withIDs string, ids []uuid.UUID) (map[uuid.UUID]Recorded, error) {
	known := make(map[uuid.UUID]Recorded, len(ids))
	err := rows(withIDs, []any{asJSON(ids)}, func(row Scanner) error {
		r, err := scanRecorded(row)
		known[r.ID] = r
		return err
	})
	return known, err
}

// compare settles a refused request by the rows of the log that have its ids. A part of
// them, or an id that stands elsewhere, is a conflict.
func (r *request) compare(known map[uuid.UUID]Recorded) {
	var recorded []Recorded
	for _, record := range r.records {
		found, ok := known[record.ID]
		if !ok {
			continue
		}
		if found.Stream != record.Stream || found.Version != record.Version {
			r.refusal = fmt.Errorf("event id %s is at position %d already: %w", record.ID, found.Position, ErrConflict)
			return
		}
		recorded = append(recorded, found)
	}
	switch len(recorded) {
	case 0:
	case len(r.records):
		r.recorded, r.refusal = recorded, nil
	default:
		r.refusal = fmt.Errorf("%d of %d event ids are known: %w", len(recorded), len(r.records), ErrConflict)
	}
}
