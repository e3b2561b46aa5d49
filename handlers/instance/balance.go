package instance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"scrapelog/eventstore"
	"scrapelog/eventstore/instances"
)

// fresh is how long the list of live instances is used before it is read again. A
// run that is given to an instance that died meanwhile is ended and recovered like
// its others.
const fresh = time.Second

// ErrStopping refuses new runs while this instance cannot follow them.
var ErrStopping = fmt.Errorf("%w: this instance is starting or stopping", eventstore.ErrUnavailable)

// Balancer decides which instance follows a new run: the least loaded live one.
// Between two reads of the list it counts the runs it gave, so that many starts at
// once do not each read the database. The exported fields are required.
type Balancer struct {
	Live   func(ctx context.Context) ([]instances.Row, error)
	Own    func() (id string, ok bool) // this instance; not ok: it is starting or stopping
	Halted func() string               // why no run may be started; empty: runs may

	mu   sync.Mutex
	read time.Time
	rows []instances.Row
}

// Follower returns the id of the least loaded live instance that takes runs. An
// instance that is starting or stopping gives no runs to others either.
func (b *Balancer) Follower(ctx context.Context) (string, error) {
	if reason := b.Halted(); reason != "" {
		return "", fmt.Errorf("%w: no runs are started: %s", eventstore.ErrUnavailable, reason)
	}
	own, ok := b.Own()
	if !ok {
		return "", ErrStopping
	}
	return b.least(ctx, own)
}

// least returns the least loaded instance that takes runs, own when none is listed.
func (b *Balancer) least(ctx context.Context, own string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if time.Since(b.read) > fresh {
		rows, err := b.Live(ctx)
		if err != nil {
			return "", err
		}
		b.rows, b.read = slices.DeleteFunc(rows, func(r instances.Row) bool { return !r.TakesRuns }), time.Now()
	}
	if len(b.rows) == 0 {
		return own, nil
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

// leaveTimeout bounds how long an instance that stops waits for the others.
const leaveTimeout = 5 * time.Second

// Leave marks this instance as stopping, and waits until the balancers of the others
// have read that: they give it no more runs. The only live instance does not wait.
func Leave(ctx context.Context, leave func(context.Context) error, live func(context.Context) ([]instances.Row, error), logger *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
	defer cancel()
	err := leave(ctx)
	rows, listing := live(ctx)
	if err = errors.Join(err, listing); err != nil {
		logger.Warn("cannot tell other instances that this one stops", "error", err)
		return
	}
	if len(rows) < 2 {
		return
	}
	eventstore.Pause(ctx, fresh+fresh/4)
}
