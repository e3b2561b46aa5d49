package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

const (
	racers  = 16
	streams = 4
)

// measureRaces lets writers race for the versions of few streams while a reader
// follows: each version has one winner, and the reader misses nothing.
func measureRaces(ctx context.Context, b *bench, d eventstore.Dialect) error {
	s, err := b.store(ctx, d)
	if err != nil {
		return err
	}
	defer s.Close()
	r := &race{store: s, appends: int64(b.races)}
	begun := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for i := range racers {
		group.Go(func() error { return r.write(ctx, i) })
	}
	group.Go(func() error { return r.follow(ctx) })
	if err := group.Wait(); err != nil {
		return err
	}
	b.add(row{
		what: fmt.Sprintf("%d writers race on %d streams, %d appends", racers, streams, b.races), database: d,
		ours: fmt.Sprintf("%d won, %d lost, %d skipped", r.won.Load(), r.lost.Load(), r.skipped), rival: "one winner each",
		theirs: rate(float64(b.races) / time.Since(begun).Seconds()), goal: "0 skipped", reached: judge(r.skipped == 0 && r.won.Load() == r.seen),
	})
	return nil
}

type race struct {
	store     *eventstore.Store
	appends   int64
	won, lost atomic.Int64
	tried     atomic.Int64
	versions  [streams]atomic.Int64
	ended     atomic.Int64
	seen      int64
	skipped   int64
}

func (r *race) write(ctx context.Context, writer int) error {
	defer r.ended.Add(1)
	for r.tried.Add(1) <= r.appends {
		n := writer % streams
		at := r.versions[n].Load()
		name := scraperName(n)
		e := domain.ScraperPaused{AboutScraper: domain.AboutScraper{Scraper: name, At: time.Now().UTC()}, Reason: detail}
		_, err := r.store.Append(ctx, eventstore.Append{Stream: e.Stream(), Expected: at, Events: []eventstore.NewEvent{{Event: e}}})
		switch {
		case err == nil:
			r.won.Add(1)
			r.versions[n].CompareAndSwap(at, at+1)
		case errors.Is(err, eventstore.ErrConflict):
			r.lost.Add(1)
		default:
			return err
		}
	}
	return nil
}

// follow reads the log as it grows, up to its end.
func (r *race) follow(ctx context.Context) error {
	for {
		over := r.ended.Load() == racers
		records, err := r.store.Read(ctx, eventstore.Query{After: r.seen, Limit: 1000})
		if err != nil {
			return err
		}
		for _, record := range records {
			r.skipped += record.Position - r.seen - 1
			r.seen = record.Position
		}
		if over && len(records) == 0 {
			return nil
		}
	}
}
