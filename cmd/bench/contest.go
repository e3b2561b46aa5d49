package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// contender writes events. Each of its writers is one goroutine.
type contender struct {
	name  string
	write func(ctx context.Context, writer int) error
}

// figures are events per second, by contender and number of writers.
type figures map[string]map[int]float64

// contest lets the contenders take turns, each round in another order.
func contest(ctx context.Context, rounds int, turn time.Duration, writers []int, contenders []contender) (figures, error) {
	measured := map[string]map[int][]float64{}
	for round := range rounds {
		for _, n := range writers {
			for i := range contenders {
				c := contenders[(i+round)%len(contenders)]
				got, err := c.run(ctx, n, turn)
				if err != nil {
					return nil, fmt.Errorf("%s, %d writers: %w", c.name, n, err)
				}
				if measured[c.name] == nil {
					measured[c.name] = map[int][]float64{}
				}
				measured[c.name][n] = append(measured[c.name][n], got)
			}
		}
	}
	medians := figures{}
	for name, byWriters := range measured {
		medians[name] = map[int]float64{}
		for n, all := range byWriters {
			medians[name][n] = median(all)
		}
	}
	return medians, nil
}

// run writes for the length of a turn, after a short while that does not count.
func (c contender) run(ctx context.Context, writers int, turn time.Duration) (perSecond float64, err error) {
	var (
		group   sync.WaitGroup
		written atomic.Int64
		counts  atomic.Bool
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
				if counts.Load() {
					written.Add(1)
				}
			}
		})
	}
	time.Sleep(turn / 10)
	counts.Store(true)
	begun := time.Now()
	time.Sleep(turn)
	counts.Store(false)
	took := time.Since(begun)
	over.Store(true)
	group.Wait()
	if err, ok := failure.Load().(error); ok {
		return 0, err
	}
	return float64(written.Load()) / took.Seconds(), nil
}
