// Package schedule starts the slots of scrapers when they come due, and reports the
// scrapers that are overdue: no run has completed as expected in time.
//
// Any number of instances may tick: a slot is claimed by the guard's last_due in
// the transaction that starts or skips it, and its run's id follows from
// scraper and slot. The next slot follows from the last scheduled one, never
// from now, so that no restart and no late tick moves the schedule.
package schedule

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/feed"
)

// Poll is the longest wait between ticks, so that a clock that was set is noticed.
const Poll = time.Second

// Log is the part of the feed that the scheduler reads.
type Log interface {
	Head(ctx context.Context) (int64, error)
	Guards(ctx context.Context) ([]domain.Guard, error)
	Scrapers(ctx context.Context, names []string) (map[string]eventstore.ScraperState, error)
	After(ctx context.Context, position int64) ([]feed.Event, error)
}

// Scheduler starts the slots of all scrapers. All fields but Now are required.
type Scheduler struct {
	Log Log
	// HandleAll is called once for all that has come due, and answers in its order.
	HandleAll  func(ctx context.Context, orders []domain.Order) []eventstore.Appended
	Unanswered func(scraper string) bool // did the last probe of its lost connection get no answer at all?
	Wake       func() (<-chan struct{}, func())
	Ready      func()           // called once, when ticking has begun
	Now        func() time.Time // the clock that slots follow, which may be set; default time.Now
	Logger     *slog.Logger

	began    time.Time // slots before it were missed while scrapelog was down
	ticked   time.Time // when it last did
	position int64     // the last position that was read
	next     time.Time // nothing comes due before it; zero: not known

	pending pending // slots that are being started

	mu      sync.Mutex // of what is in entries of scrapers; only Run writes there
	entries map[string]*entry
}

// Run ticks until ctx ends.
func (s *Scheduler) Run(ctx context.Context) error {
	wake, stop := s.Wake()
	defer stop()
	if s.Now == nil {
		s.Now = time.Now
	}
	s.began = s.Now()
	var said time.Time // that the log cannot be followed
	for {
		err := s.load(ctx)
		if err == nil {
			break
		}
		if !eventstore.Unreachable(err) {
			return err
		}
		s.complain(ctx, err, &said)
		if !eventstore.Pause(ctx, Poll) {
			return nil
		}
	}
	s.Ready()
	for {
		s.complain(ctx, s.follow(ctx), &said)
		s.tick(ctx, s.Now())
		timer := time.NewTimer(s.untilNext(s.Now()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// complain logs once a minute that the log cannot be followed.
func (s *Scheduler) complain(ctx context.Context, err error, said *time.Time) {
	if err != nil && ctx.Err() == nil && time.Since(*said) > time.Minute {
		s.Logger.Error("following the log failed, retrying", "error", err)
		*said = time.Now()
	}
}

// load reads every scraper. It reads the head first: events appended meanwhile are
// folded a second time, which changes nothing.
func (s *Scheduler) load(ctx context.Context) error {
	head, err := s.Log.Head(ctx)
	if err != nil {
		return err
	}
	guards, err := s.Log.Guards(ctx)
	if err != nil {
		return err
	}
	names := make([]string, len(guards))
	for i, guard := range guards {
		names[i] = guard.Scraper
	}
	scrapers, err := s.Log.Scrapers(ctx, names)
	if err != nil {
		return err
	}
	entries := make(map[string]*entry, len(scrapers))
	for name, scraper := range scrapers {
		e := &entry{}
		e.become(scraper.Scraper, s.Now())
		entries[name] = e
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries, s.position = entries, head
	return nil
}

// follow folds the events appended since the last call.
func (s *Scheduler) follow(ctx context.Context) error {
	for {
		events, err := s.Log.After(ctx, s.position)
		if err != nil || len(events) == 0 {
			return err
		}
		for _, e := range events {
			s.fold(e.Decoded)
			s.position = e.Position
		}
	}
}

func (s *Scheduler) fold(e domain.Event) {
	if e == nil || e.ScraperName() == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.entries[e.ScraperName()]
	if known == nil {
		known = &entry{}
		s.entries[e.ScraperName()] = known
	}
	if known.become(known.scraper.Evolve(e), s.Now()) {
		s.await(known)
	}
}

// Scraper returns the state of a scraper at the position that the scheduler has read; ok
// reports whether it is configured. It does not query the database.
func (s *Scheduler) Scraper(name string) (scraper domain.Scraper, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[name]
	if e == nil || e.scraper.ConfiguredAt.IsZero() {
		return domain.Scraper{}, false
	}
	return e.scraper, true
}

// Outlook returns how many scrapers are in service, and which of them starts next by
// its schedule, unless it is paused, and when; an empty name means that none does.
func (s *Scheduler) Outlook() (scrapers int, next string, due time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, e := range s.entries {
		if !e.scraper.Configured() {
			continue
		}
		scrapers++
		if e.slot.IsZero() || e.scraper.Paused {
			continue
		}
		if at := e.scraper.Config.Jittered(e.slot); next == "" || at.Before(due) || at.Equal(due) && name < next {
			next, due = name, at
		}
	}
	return scrapers, next, due
}

// await makes the next tick come no later than what the entry waits for.
func (s *Scheduler) await(e *entry) {
	for _, at := range []time.Time{e.startsAt(), e.deadline} {
		if !at.IsZero() && at.Before(s.next) {
			s.next = at
		}
	}
}

// tick starts or skips every slot that has come due and reports every scraper that is
// overdue. It is called after each commit, and costs nothing while nothing is due.
func (s *Scheduler) tick(ctx context.Context, now time.Time) {
	s.rewind(now)
	if now.Before(s.next) {
		return
	}
	s.pending.forget(func(scraper string) bool {
		e := s.entries[scraper]
		return e != nil && !e.due(now, s.began).IsZero()
	})
	var orders []domain.Order
	var answered []func(err error) // of each order
	add := func(c domain.Command, then func(err error)) {
		orders = append(orders, domain.Order{Command: c, By: domain.Origin{Actor: "scheduler"}})
		answered = append(answered, then)
	}
	for name, e := range s.entries {
		if due := e.due(now, s.began); !due.IsZero() {
			add(s.start(name, due), func(err error) { s.started(ctx, name, e, due, err) })
		}
		if e.expired(now) {
			add(report(name, e), func(err error) { s.reported(ctx, name, e, now, err) })
		}
	}
	if len(orders) > 0 {
		for i, answer := range s.HandleAll(ctx, orders) {
			answered[i](answer.Err)
		}
	}
	s.next = now.Add(Poll)
	for _, e := range s.entries {
		s.await(e)
	}
}

// rewind undoes the effects of a clock that was set back since: if began lies in the
// future, the slots before it do too.
func (s *Scheduler) rewind(now time.Time) {
	back := now.Round(0).Before(s.ticked.Round(0))
	s.ticked = now
	if !back {
		return
	}
	s.next = time.Time{}
	if now.Round(0).Before(s.began.Round(0)) {
		s.began = now
		for _, e := range s.entries {
			e.slot, e.late = e.next(time.Time{}), time.Time{}
		}
	}
}

// start returns the command that starts or skips a slot.
func (s *Scheduler) start(name string, due time.Time) domain.Command {
	s.pending.begin(name, due)
	return domain.StartScrape{
		ToScraper: domain.ToScraper{Scraper: name}, RunID: domain.SlotRunID(name, due),
		Trigger: domain.TriggerSchedule, DueAt: due, Unanswered: s.Unanswered(name),
	}
}

// started takes the answer to start. A slot that could not be started is tried again.
func (s *Scheduler) started(ctx context.Context, name string, e *entry, due time.Time, err error) {
	if err != nil {
		s.pending.failed(name, err)
		if ctx.Err() == nil && !e.late.Equal(due) {
			s.Logger.Error("starting a slot failed, retrying", "scraper", name, "due_at", due, "error", err)
		}
		e.late = due
		return
	}
	s.pending.done(name)
	e.slot, e.late = e.next(due), time.Time{}
}

// untilNext returns the time until the next slot, at most Poll.
func (s *Scheduler) untilNext(now time.Time) time.Duration {
	return min(max(s.next.Sub(now), time.Millisecond), Poll)
}
