package projections

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// tailDigits is how many of the last hex digits of an id are in an index.
const tailDigits = 12

// maxFound is how many ids with a part are looked for: one more than an error lists.
const maxFound = 6

// searched is how many of the newest rows are searched for a part from the middle of an
// id, for which there is no index.
const searched = 10_000

// idQueries are the queries for the rows of a table whose id has a part.
type idQueries struct{ thing, newest, head, tail, middle string }

var runIDs = idQueries{
	thing:  "run",
	newest: `SELECT id FROM runs ORDER BY started_at DESC, started DESC LIMIT 1`,
	head:   `SELECT id FROM runs WHERE id BETWEEN $1 AND $2 ORDER BY id LIMIT $3`,
	tail:   `SELECT id FROM runs WHERE tail BETWEEN $1 AND $2 ORDER BY tail LIMIT $3`,
	middle: `SELECT id FROM (SELECT id FROM runs ORDER BY started_at DESC, started DESC LIMIT $2) AS newest
WHERE replace(id, '-', '') LIKE $1 LIMIT $3`,
}

var outageIDs = idQueries{
	thing:  "outage",
	newest: `SELECT id FROM outages ORDER BY started_at DESC, first_position DESC LIMIT 1`,
	head:   `SELECT id FROM outages WHERE id BETWEEN $1 AND $2 ORDER BY id LIMIT $3`,
	tail:   `SELECT id FROM outages WHERE tail BETWEEN $1 AND $2 ORDER BY tail LIMIT $3`,
	middle: `SELECT id FROM (SELECT id FROM outages ORDER BY started_at DESC, first_position DESC LIMIT $2) AS newest
WHERE replace(id, '-', '') LIKE $1 LIMIT $3`,
}

// FindRun returns the id of the run that a part of its id, or domain.Latest, names. The digits may
// be the first or the last ones, which an index finds; otherwise they are searched for in
// the middle of the ids of the newest 10,000 runs. A whole id is returned unchanged,
// whether there is such a run or not. The error is domain.ErrNotFound, or a *domain.FieldError for field when the
// text is no part of an id or is part of several.
func (q *Queries) FindRun(ctx context.Context, field, text string) (uuid.UUID, error) {
	return q.find(ctx, runIDs, field, text)
}

// FindOutage returns the id of the outage that a part of its id names, as FindRun
// does for a run.
func (q *Queries) FindOutage(ctx context.Context, field, text string) (uuid.UUID, error) {
	return q.find(ctx, outageIDs, field, text)
}

func (q *Queries) find(ctx context.Context, in idQueries, field, text string) (uuid.UUID, error) {
	named := func(found []uuid.UUID, err error) ([]uuid.UUID, error) {
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", in.thing, err)
		}
		return found, nil
	}
	newest := func() ([]uuid.UUID, error) { return named(q.ids(ctx, in.newest)) }
	return domain.FindID(field, text, newest, func(part domain.IDPart) ([]uuid.UUID, error) {
		found, err := q.atAnEnd(ctx, in, part)
		if err == nil && len(found) == 0 {
			found, err = q.ids(ctx, in.middle, "%"+string(part)+"%", searched, maxFound)
		}
		return named(found, err)
	})
}

// atAnEnd returns ids that begin or end with the part.
func (q *Queries) atAnEnd(ctx context.Context, in idQueries, part domain.IDPart) ([]uuid.UUID, error) {
	first, last := part.Range()
	found, err := q.ids(ctx, in.head, first.String(), last.String(), maxFound)
	if err != nil {
		return nil, err
	}
	from, to := tailRange(part)
	ending, err := q.ids(ctx, in.tail, from, to, maxFound)
	for _, id := range ending {
		if part.Ends(id) && !slices.Contains(found, id) {
			found = append(found, id)
		}
	}
	return found[:min(len(found), maxFound)], err
}

func (q *Queries) ids(ctx context.Context, query string, args ...any) ([]uuid.UUID, error) {
	return list(ctx, q, "ids", query, args, eventstore.Value[uuid.UUID])
}

// tailOf returns the number of the last 12 hex digits of an id, the last one first: ids
// that end alike are neighbours in an index.
func tailOf(id uuid.UUID) int64 {
	var n uint64
	for _, b := range id[len(id)-tailDigits/2:] {
		n = n>>8 | uint64(bits.RotateLeft8(b, 4))<<(4*tailDigits-8)
	}
	return int64(n)
}

// tailRange returns the first and the last tail of ids that end with the part, or with
// the last 12 digits of it.
func tailRange(part domain.IDPart) (from, to int64) {
	digits := string(part[max(0, len(part)-tailDigits):])
	free := 4 * (tailDigits - len(digits))
	for _, digit := range slices.Backward([]byte(digits)) {
		from = from<<4 | hexValue(digit)
	}
	from <<= free
	return from, from | (1<<free - 1)
}

func hexValue(digit byte) int64 {
	if digit >= 'a' {
		return int64(digit-'a') + 10
	}
	return int64(digit - '0')
}

// FindRun is Queries.FindRun for a command that opens the database beside a
// server or without one: where the read model is not built or does not have the
// run, it asks the log itself, which takes longer.
func FindRun(ctx context.Context, store *eventstore.Store, field, text string) (uuid.UUID, error) {
	runs, err := Find("runs")
	if err != nil {
		return uuid.Nil, err
	}
	if built, err := runs.current(ctx, store); err == nil && built {
		id, err := NewQueries(store).FindRun(ctx, field, text)
		if !errors.Is(err, domain.ErrNotFound) {
			return id, err
		}
	}
	newest := func() ([]uuid.UUID, error) { return store.NewestRun(ctx) }
	return domain.FindID(field, text, newest, func(part domain.IDPart) ([]uuid.UUID, error) { return store.RunsWith(ctx, part, maxFound) })
}
