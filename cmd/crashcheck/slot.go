package main

import (
	"context"
	"math/rand/v2"
	"time"

	"scrapelog/eventstore"
)

// plan is how one life ends.
type plan struct {
	early bool          // while it starts
	aimed bool          // right after something happened
	stop  bool          // in good order
	after time.Duration // after its start, or after it was ready
	delay time.Duration // after what is aimed at
}

// randomPlan ends most lives early or where something is under way, and lets a
// few go on for as long as timeouts and beats need.
func randomPlan(rng *rand.Rand) plan {
	upTo := func(d time.Duration) time.Duration { return time.Duration(rng.Int64N(int64(d))) }
	switch n := rng.IntN(100); {
	case n < 20:
		return plan{early: true, after: upTo(120 * time.Millisecond)}
	case n < 75:
		return plan{aimed: true, after: upTo(80 * time.Millisecond), delay: upTo(12 * time.Millisecond)}
	case n < 93:
		return plan{after: upTo(200 * time.Millisecond)}
	case n < 97:
		return plan{after: upTo(1500 * time.Millisecond)}
	}
	return plan{stop: true, after: upTo(200 * time.Millisecond)}
}

// live runs one process after another in a slot until the kills are used up.
func (c *crash) live(ctx context.Context, slot int, rng *rand.Rand) error {
	for ctx.Err() == nil && c.kills.Load() < int64(c.options.cycles) {
		p, err := c.launch(slot, c.config)
		if err != nil {
			return err
		}
		end := randomPlan(rng)
		c.wait(ctx, p, end)
		if end.stop {
			p.stop()
			continue
		}
		if p.kill() {
			c.kills.Add(1)
		}
	}
	return nil
}

const readyWithin = 20 * time.Second

// wait returns when the process is to end.
func (c *crash) wait(ctx context.Context, p *process, end plan) {
	if !end.early {
		select {
		case <-p.ready:
		case <-ctx.Done():
		case <-time.After(readyWithin):
			c.record.violated("serve gets ready", p.out.String())
		}
	}
	if !eventstore.Pause(ctx, end.after) || !end.aimed {
		return
	}
	select {
	case <-c.record.next():
	case <-time.After(200 * time.Millisecond):
	}
	eventstore.Pause(ctx, end.delay)
}
