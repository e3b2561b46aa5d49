package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/react"
)

// latencyGoals are p50 and p99.
var latencyGoals = map[eventstore.Dialect][2]time.Duration{
	eventstore.SQLite:   {time.Millisecond, 5 * time.Millisecond},
	eventstore.Postgres: {2 * time.Millisecond, 12 * time.Millisecond},
}

// stopwatch measures from the end of one call to the beginning of another.
type stopwatch struct {
	mu      sync.Mutex
	started map[string]time.Time
	stopped map[string]time.Time
}

func newStopwatch() *stopwatch {
	return &stopwatch{started: map[string]time.Time{}, stopped: map[string]time.Time{}}
}

func (w *stopwatch) mark(at map[string]time.Time, id string) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	at[id] = now
}

func (w *stopwatch) complete(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.stopped) >= n
}

// quantiles of what was measured. A handler may be there before the committer is
// told of its commit: that is no time at all.
func (w *stopwatch) quantiles() (p50, p99 time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []time.Duration
	for id, stopped := range w.stopped {
		all = append(all, max(0, stopped.Sub(w.started[id])))
	}
	slices.Sort(all)
	return quantile(all, 0.50), quantile(all, 0.99)
}

// measureLatency: from a commit to the handler that is fed it.
func measureLatency(ctx context.Context, b *bench, d eventstore.Dialect) error {
	contenders := []struct {
		name    string
		measure func(context.Context, eventstore.Dialect) (p50, p99 time.Duration, err error)
	}{
		{"scrapelog", b.feedLatency},
		{"watermill-sql, default poll", func(ctx context.Context, d eventstore.Dialect) (time.Duration, time.Duration, error) {
			return b.watermillLatency(ctx, d, 0)
		}},
		{"watermill-sql, 10 ms poll", func(ctx context.Context, d eventstore.Dialect) (time.Duration, time.Duration, error) {
			return b.watermillLatency(ctx, d, 10*time.Millisecond)
		}},
	}
	p50s, p99s := make([][]time.Duration, len(contenders)), make([][]time.Duration, len(contenders))
	for range b.rounds {
		for i, c := range contenders {
			p50, p99, err := c.measure(ctx, d)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			p50s[i], p99s[i] = append(p50s[i], p50), append(p99s[i], p99)
		}
	}
	ours50, ours99 := median(p50s[0]), median(p99s[0])
	goal := latencyGoals[d]
	for i, c := range contenders[1:] {
		r := row{
			what: "commit → handler, p50 / p99", database: d, ours: millis(ours50) + " / " + millis(ours99) + " ms",
			rival: c.name, theirs: millis(median(p50s[i+1])) + " / " + millis(median(p99s[i+1])) + " ms",
		}
		if i == 0 {
			r.goal = fmt.Sprintf("≤ %d / %d ms", goal[0].Milliseconds(), goal[1].Milliseconds())
			r.reached = judge(ours50 <= goal[0] && ours99 <= goal[1])
		}
		b.add(r)
	}
	return nil
}

// feedLatency has a log of its own each time.
func (b *bench) feedLatency(ctx context.Context, d eventstore.Dialect) (p50, p99 time.Duration, err error) {
	s, err := b.store(ctx, d)
	if err != nil {
		return 0, 0, err
	}
	defer s.Close()
	w := newStopwatch()
	stop, err := consume(s, react.Group{Name: "bench", Types: domain.EventTypes, Handle: func(_ context.Context, r eventstore.Recorded, _ domain.Event) error {
		w.mark(w.stopped, r.ID.String())
		return nil
	}})
	if err != nil {
		return 0, 0, err
	}
	t := tellers(1)[0]
	err = w.sample(ctx, b.samples, func() (string, error) {
		records, err := s.Append(ctx, t.next())
		if err != nil {
			return "", err
		}
		return records[0].ID.String(), nil
	})
	if err != nil {
		return 0, 0, err
	}
	p50, p99 = w.quantiles()
	return p50, p99, stop()
}

func (b *bench) watermillLatency(ctx context.Context, d eventstore.Dialect, poll time.Duration) (p50, p99 time.Duration, err error) {
	rival, err := b.watermill(ctx, d, 4)
	if err != nil {
		return 0, 0, err
	}
	defer rival.close()
	messages, sub, err := rival.subscribe(ctx, poll)
	if err != nil {
		return 0, 0, err
	}
	w := newStopwatch()
	go func() {
		for m := range messages {
			w.mark(w.stopped, m.UUID)
			m.Ack()
		}
	}()
	events, err := sample()
	if err != nil {
		return 0, 0, err
	}
	err = w.sample(ctx, b.samples, func() (string, error) {
		m, err := events[0].message()
		if err != nil {
			return "", err
		}
		return m.UUID, rival.publisher.Publish(topic, m)
	})
	if err != nil {
		return 0, 0, err
	}
	p50, p99 = w.quantiles()
	return p50, p99, sub.Close()
}

// sample commits at uneven intervals and waits until all was handled.
func (w *stopwatch) sample(ctx context.Context, n int, commit func() (id string, err error)) error {
	for range n {
		id, err := commit()
		if err != nil {
			return err
		}
		w.mark(w.started, id)
		time.Sleep(time.Duration(2+rand.IntN(20)) * time.Millisecond)
	}
	for !w.complete(n) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

// consume runs consumer groups over the log until stop is called.
func consume(s *eventstore.Store, groups ...react.Group) (stop func() error, err error) {
	router, err := react.New(s, slog.New(slog.DiscardHandler), groups...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- router.Run(ctx) }()
	return func() error {
		cancel()
		return <-done
	}, nil
}
