package projections

import "context"

// OutlineMost is how many changed runs, and how many changed scrapers, an [Outline]
// lists.
const OutlineMost = 20

// Outline returns changes for readers that can fetch a page again: its state is only the
// counts, and beyond OutlineMost changes it says only that there were many. The cost of a
// change does not grow with the number of runs and scrapers, nor with the number of
// changes.
type Outline struct{ *Queries }

// ChangedSince is that of Queries, in outline. It always reaches the position that all
// projections have reached.
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
	if c.Losses, err = o.Losses(ctx); err != nil {
		return Changes{}, err
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
