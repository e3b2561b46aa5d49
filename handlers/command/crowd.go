package command

import (
	"context"
	"slices"
	"sync"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

const (
	// maxTogether is how many commands are decided at once: all slots of one instant.
	maxTogether = 2048
	// crowdTimeout bounds how long they may take: a database that hangs counts as down.
	crowdTimeout = 10 * time.Second
)

// Crowd handles the commands of callers that may be thousands at once. Those that come
// while others are being handled are then decided together, by HandleAll.
type Crowd struct {
	*Handler

	mu      sync.Mutex
	waiting []*caller
	busy    bool
}

type caller struct {
	domain.Order
	answer chan eventstore.Appended // receives one
}

// Handle is Handler.Handle. Once begun, a command is not cut short by ctx.
func (c *Crowd) Handle(ctx context.Context, command domain.Command, by domain.Origin) ([]eventstore.Recorded, error) {
	if _, joined := eventstore.TxFrom(ctx); joined {
		return c.Handler.Handle(ctx, command, by)
	}
	me := &caller{domain.Order{Command: command, By: by}, make(chan eventstore.Appended, 1)}
	c.mu.Lock()
	c.waiting = append(c.waiting, me)
	if !c.busy {
		c.busy = true
		go c.handle(context.WithoutCancel(ctx))
	}
	c.mu.Unlock()
	select {
	case answer := <-me.answer:
		return answer.Recorded, answer.Err
	case <-ctx.Done():
	}
	if c.withdraw(me) {
		return nil, context.Cause(ctx)
	}
	answer := <-me.answer
	return answer.Recorded, answer.Err
}

// withdraw reports whether the caller still waited.
func (c *Crowd) withdraw(me *caller) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.waiting, me)
	if i < 0 {
		return false
	}
	c.waiting = slices.Delete(c.waiting, i, i+1)
	return true
}

// handle returns when no caller waits.
func (c *Crowd) handle(ctx context.Context) {
	for {
		callers := c.next()
		if len(callers) == 0 {
			return
		}
		orders := make([]domain.Order, len(callers))
		for i, caller := range callers {
			orders[i] = caller.Order
		}
		within, cancel := context.WithTimeout(ctx, crowdTimeout)
		for i, answer := range c.HandleAll(within, orders) {
			callers[i].answer <- answer
		}
		cancel()
	}
}

func (c *Crowd) next() []*caller {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(c.waiting), maxTogether)
	callers := slices.Clone(c.waiting[:n])
	c.waiting, c.busy = c.waiting[n:], n > 0
	return callers
}
