package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"scrapelog/eventstore"
)

// contender writes events. Each of its writers is one goroutine.
type contender struct {
	name   string
	write  func(ctx context.Context, writer int) error
	events int // of one write; 0: one
}

// figures are by contender and number of writers.
type figures map[string]map[int]figure

// contest lets the contenders take turns, each round in another order.
func (b *bench) contest(ctx context.Context, d eventstore.Dialect, turn time.Duration, writers []int, contenders []contender) (figures, error) {
	measured := map[string]map[int][]figure{}
	for round := range b.rounds {
		for _, n := range writers {
			for i := range contenders {
				c := contenders[(i+round)%len(contenders)]
				got, err := c.run(ctx, b, d, n, turn)
				if err != nil {
					return nil, fmt.Errorf("%s, %d writers: %w", c.name, n, err)
				}
				if measured[c.name] == nil {
					measured[c.name] = map[int][]figure{}
				}
				measured[c.name][n] = append(measured[c.name][n], got)
			}
		}
	}
	medians := figures{}
	for name, byWriters := range measured {
		medians[name] = map[int]figure{}
		for n, all := range byWriters {
			medians[name][n] = middle(all)
		}
	}
	return medians, nil
}

// run writes for the length of a turn, after a short while that does not count.
// A write of many events counts as that many.
func (c contender) run(ctx context.Context, b *bench, d eventstore.Dialect, writers int, turn time.Duration) (got figure, err error) {
	var (
		group   sync.WaitGroup
		written atomic.Int64
		over    atomic.Bool
		failure atomic.Value
	)
	for writer := range writers {
		group.Go(func() {
			for !over.Load() {
				if err := c.write(ctx, writer); err != nil {
					failure.Store(err)
					return
				}
				written.Add(int64(max(c.events, 1)))
			}
		})
	}
	time.Sleep(turn / 10)
	m, before := b.meter(d), written.Load()
	time.Sleep(turn)
	for written.Load() == before && failure.Load() == nil { // a batch may take longer than a turn
		time.Sleep(time.Millisecond)
	}
	got = m.read(b, d, float64(written.Load()-before))
	over.Store(true)
	group.Wait()
	if err, ok := failure.Load().(error); ok {
		return figure{}, err
	}
	return got, nil
}
