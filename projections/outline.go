package projections

import "context"

// OutlineMost is how many changed runs, and how many changed scrapers, an
// [Outline] tells one by one.
const OutlineMost = 20

// Outline tells of changes to whoever can fetch what it shows anew: its state is
// the counts alone, and beyond OutlineMost it says only that there was much. What
// it reads for a change does not grow with the runs and scrapers that there are,
// nor with how many of them have changed.
type Outline struct{ *Queries }

// ChangedSince is that of Queries, in outline. It always comes as far as every
// projection has.
func (o Outline) ChangedSince(ctx context.Context, position int64) (c Changes, err error) {
	c.State = position == 0
	if c.Position, err = o.reached(ctx); err != nil {
		return Changes{}, err
	}
	if c.Position <= position && !c.State {
		return Changes{Position: position}, nil
	}
	if !c.State {
		if err := o.tell(ctx, &c, position); err != nil {
			return Changes{}, err
		}
	}
	c.Counts, err = o.Counts(ctx)
	return c, err
}

func (o Outline) tell(ctx context.Context, c *Changes, position int64) (err error) {
	if c.Runs, err = o.runs(ctx, changedRuns, position, c.Position, OutlineMost+1); err != nil {
		return err
	}
	c.Scrapers, err = o.scrapers(ctx, changedScrapers, position, c.Position, OutlineMost+1)
	if len(c.Runs) > OutlineMost || len(c.Scrapers) > OutlineMost {
		c.Runs, c.Scrapers, c.Many = nil, nil, true
	}
	return err
}
