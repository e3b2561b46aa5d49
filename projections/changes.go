package projections

import (
	"context"
	"fmt"
	"math"
)

// ChangedSince returns the present rows of what has changed after the given position;
// position 0 asks for a state to begin from. It looks no further than the position that
// all projections have reached, and returns at most MaxLimit runs: ask again with
// Changes.Position until that stops moving.
func (q *Queries) ChangedSince(ctx context.Context, position int64) (Changes, error) {
	reached, err := q.reached(ctx)
	switch {
	case err != nil:
		return Changes{}, err
	case position == 0:
		return q.state(ctx, reached)
	case reached <= position:
		return Changes{Position: position}, nil
	}
	return q.difference(ctx, position, reached)
}

// reached returns the position that all projections have reached.
func (q *Queries) reached(ctx context.Context) (int64, error) {
	var least int64
	for i, p := range All() {
		offset, err := q.offset(ctx, p.Name())
		if err != nil {
			return 0, fmt.Errorf("how far projection %s has come: %w", p.Name(), err)
		}
		if i == 0 || offset < least {
			least = offset
		}
	}
	return least, nil
}

func (q *Queries) state(ctx context.Context, reached int64) (c Changes, err error) {
	c = Changes{State: true, Position: reached}
	if c.Runs, err = q.openAndNewest(ctx); err != nil {
		return Changes{}, err
	}
	if c.Scrapers, err = q.Scrapers(ctx); err != nil {
		return Changes{}, err
	}
	c.Counts, err = q.Counts(ctx)
	return c, err
}

// openAndNewest lists the newest runs and below them the older ones that are still open.
func (q *Queries) openAndNewest(ctx context.Context) ([]Run, error) {
	page, err := q.Runs(ctx, RunFilter{})
	if err != nil || page.Next == "" {
		return page.Runs, err
	}
	open, err := q.OpenRuns(ctx)
	if err != nil {
		return nil, err
	}
	oldest := page.Runs[len(page.Runs)-1]
	for _, r := range open {
		if r.below(oldest) {
			page.Runs = append(page.Runs, r)
		}
	}
	return page.Runs, nil
}

const changedRuns = `SELECT * FROM runs WHERE position > $1 AND position <= $2 ORDER BY position, id LIMIT $3`

const changedScrapers = `SELECT * FROM scrapers WHERE position > $1 AND position <= $2 ORDER BY position, name LIMIT $3`

func (q *Queries) difference(ctx context.Context, position, reached int64) (c Changes, err error) {
	if c.Runs, err = q.runs(ctx, changedRuns, position, reached, MaxLimit); err != nil {
		return Changes{}, err
	}
	c.Position = reached
	if len(c.Runs) == MaxLimit {
		// Two runs may share a position, so the last one's may not be complete.
		c.Position = c.Runs[MaxLimit-1].Position - 1
	}
	if c.Scrapers, err = q.scrapers(ctx, changedScrapers, position, c.Position, math.MaxInt64); err != nil {
		return Changes{}, err
	}
	c.Counts, err = q.Counts(ctx)
	return c, err
}

// below reports whether r comes after other in a list that begins with the newest.
func (r Run) below(other Run) bool {
	if r.StartedAt.Equal(other.StartedAt.Time) {
		return r.StartPosition < other.StartPosition
	}
	return r.StartedAt.Before(other.StartedAt.Time)
}
