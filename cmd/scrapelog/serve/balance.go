package serve

import (
	"context"
	"scrapelog/eventstore/instances"
	"slices"
	"sync"
	"time"
)

// fresh is for how long the list of live instances is taken as read. A run that
// is given to one that died meanwhile is ended and recovered like its others.
const fresh = time.Second

// balancer spreads runs over the live instances. Between two looks at the
// database it counts by itself: a storm of starts must not ask for each.
type balancer struct {
	live func(ctx context.Context) ([]instances.Row, error)

	mu   sync.Mutex
	read time.Time
	rows []instances.Row
}

// least is the least loaded instance that takes runs; fallback when none is known.
func (b *balancer) least(ctx context.Context, fallback string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if time.Since(b.read) > fresh {
		rows, err := b.live(ctx)
		if err != nil {
			return "", err
		}
		b.rows, b.read = slices.DeleteFunc(rows, func(r instances.Row) bool { return !r.TakesRuns }), time.Now()
	}
	if len(b.rows) == 0 {
		return fallback, nil
	}
	least := &b.rows[0]
	for i := range b.rows {
		if b.rows[i].OpenRuns < least.OpenRuns {
			least = &b.rows[i]
		}
	}
	least.OpenRuns++
	return least.ID, nil
}
