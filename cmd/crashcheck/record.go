package main

import (
	"sync"
	"time"

	"github.com/google/uuid"

	"scrapelog/cmd/crashcheck/check"
)

// record collects what is seen from outside. Code that aims a kill waits for the
// next thing that happens.
type record struct {
	mu       sync.Mutex
	seen     check.Seen
	happened chan struct{} // closed and replaced when something happens
	own      []check.Violation
}

func newRecord(bound time.Duration, shared bool) *record {
	return &record{
		seen:     check.Seen{Cancels: map[uuid.UUID]bool{}, Scrapers: map[string]check.Scraper{}, Bound: bound, Shared: shared},
		happened: make(chan struct{}),
	}
}

func (r *record) locked(do func(*check.Seen)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do(&r.seen)
}

// signal says that something worth a kill has happened.
func (r *record) signal() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.happened)
	r.happened = make(chan struct{})
}

func (r *record) next() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.happened
}

// violated notes what only the one who runs the processes can see.
func (r *record) violated(rule, detail string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.own = append(r.own, check.Violation{Rule: rule, Detail: detail})
}

func (r *record) posted(p check.Post) (index int) {
	r.locked(func(s *check.Seen) {
		index = len(s.Posts)
		s.Posts = append(s.Posts, p)
	})
	r.signal()
	return index
}

func (r *record) ended(post int, how check.Ending, at time.Time) {
	r.locked(func(s *check.Seen) { s.Posts[post].Ending, s.Posts[post].EndedAt = how, at })
	r.signal()
}

func (r *record) stalled(from, to time.Time) {
	r.locked(func(s *check.Seen) { s.Stalls = append(s.Stalls, check.Span{From: from, To: to}) })
}

func (r *record) outage(from, to time.Time) {
	r.locked(func(s *check.Seen) { s.Outages = append(s.Outages, check.Span{From: from, To: to}) })
}

func (r *record) acknowledged(a check.Ack) {
	r.locked(func(s *check.Seen) { s.Acks = append(s.Acks, a) })
	r.signal()
}

// wentDown opens a stretch in which nothing listens; cameUp closes it.
func (r *record) wentDown(scraper string) {
	r.locked(func(s *check.Seen) {
		facts := s.Scrapers[scraper]
		facts.Downs = append(facts.Downs, check.Span{From: time.Now()})
		s.Scrapers[scraper] = facts
	})
}

func (r *record) cameUp(scraper string) {
	r.locked(func(s *check.Seen) {
		downs := s.Scrapers[scraper].Downs
		downs[len(downs)-1].To = time.Now()
	})
}

// watchMachine notes when the machine stands still, as no deadline holds then.
func (r *record) watchMachine(stop <-chan struct{}) {
	const every, tooLong = 5 * time.Millisecond, 40 * time.Millisecond
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for last := time.Now(); ; {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		now := time.Now()
		if now.Sub(last) > tooLong {
			r.stalled(last, now)
		}
		last = now
	}
}
