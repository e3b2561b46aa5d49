//go:build !race

package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"scrapelog/cmd/crashcheck/check"
	"scrapelog/domain"
	"scrapelog/eventstore/feed"
)

// supervise follows the open runs of this process as the world has them end.
func (l *simulatedLife) supervise(ctx context.Context) error {
	wake, unwake := l.store.Wake()
	defer unwake()
	var following sync.WaitGroup
	defer following.Wait()
	known := map[uuid.UUID]bool{}
	for {
		open, err := l.store.OpenRuns(ctx, l.id)
		if err != nil && ctx.Err() == nil {
			return err
		}
		for _, run := range open {
			if !known[run] {
				known[run] = true
				following.Go(func() { l.follow(ctx, run) })
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-wake:
		}
	}
}

// follow asks for a run and reports how it ended.
func (l *simulatedLife) follow(ctx context.Context, id uuid.UUID) {
	run, err := l.commands.Run(ctx, id)
	if err != nil {
		return // this life is over
	}
	w, at := l.world[run.Scraper], time.Now()
	end := w.fate(at)
	post := -1
	if end.ending != check.StillOpen {
		l.mu.Lock()
		post = len(l.seen.Posts)
		l.seen.Posts = append(l.seen.Posts, check.Post{Run: id, Scraper: run.Scraper, Life: l.index, At: at})
		l.mu.Unlock()
	}
	select {
	case <-time.After(end.after):
	case <-ctx.Done():
		if errors.Is(context.Cause(ctx), errSimulatedDeath) {
			return
		}
		end = simulatedEnd{ending: check.ClientLeft, report: domain.ReportConnectionLost{Link: domain.LinkScraper, Cause: domain.CauseInstanceStop}}
	}
	if post >= 0 {
		l.mu.Lock()
		l.seen.Posts[post].Ending, l.seen.Posts[post].EndedAt = end.ending, time.Now()
		l.seen.Posts[post].Items, l.seen.Posts[post].Reason = simulatedItems, simulatedReason
		l.mu.Unlock()
	}
	_, err = l.handle(context.WithoutCancel(ctx), end.to(id), domain.Origin{Actor: "supervisor"})
	if err != nil {
		l.t.Errorf("seed %d at %s: the end of run %s: %v", l.seed, time.Now().UTC(), id, err)
	}
}

// quietLog keeps those who look every second from asking the database when
// nothing was committed: a day has 86,400 seconds.
type quietLog struct {
	*feed.Feed
	token  <-chan struct{}
	clean  bool
	guards []domain.Guard
}

func (q *quietLog) unchanged() bool {
	select {
	case <-q.token:
		q.clean = false
	default:
	}
	return q.clean
}

// After is the scheduler's, which reads on until there is nothing.
func (q *quietLog) After(ctx context.Context, position int64) ([]feed.Event, error) {
	if q.unchanged() {
		return nil, nil
	}
	events, err := q.Feed.After(ctx, position)
	q.clean = err == nil && len(events) == 0
	return events, err
}

func (q *quietLog) lost(ctx context.Context) (guards []domain.Guard, err error) {
	if !q.unchanged() {
		q.guards, err = q.Lost(ctx)
		q.clean = err == nil
	}
	return q.guards, err
}
