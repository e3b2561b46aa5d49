package schedule

import (
	"fmt"
	"sync"
	"time"
)

// patience is how long starting a slot may take before the slot is overdue.
const patience = 3 * time.Second

// pending are the slots that have come due and are neither started nor skipped yet.
type pending struct {
	mu    sync.Mutex
	slots map[string]*waiting // by scraper
}

type waiting struct {
	due   time.Time
	since time.Time // when it was first tried
	err   error     // of the last try; nil: the first goes on
}

func (p *pending) begin(scraper string, due time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slots == nil {
		p.slots = map[string]*waiting{}
	}
	if w := p.slots[scraper]; w != nil {
		w.due = due
		return
	}
	p.slots[scraper] = &waiting{due: due, since: time.Now()}
}

func (p *pending) failed(scraper string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slots[scraper].err = err
}

func (p *pending) done(scraper string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.slots, scraper)
}

// forget drops the slots of scrapers for which nothing is due any more: they were
// removed, or their schedule was changed.
func (p *pending) forget(due func(scraper string) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name := range p.slots {
		if !due(name) {
			delete(p.slots, name)
		}
	}
}

// overdue returns how many slots could not be started or take too long, and the one
// that does so the longest, with its scraper.
func (p *pending) overdue() (slots int, scraper string, first waiting) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, w := range p.slots {
		if w.err == nil && time.Since(w.since) < patience {
			continue
		}
		if slots++; slots == 1 || w.since.Before(first.since) {
			scraper, first = name, *w
		}
	}
	return slots, scraper, first
}

// SlotsOverdue returns how many slots could not be started or take too long.
func (s *Scheduler) SlotsOverdue() int {
	slots, _, _ := s.pending.overdue()
	return slots
}

// Overdue returns a text about the slots that could not be started or take too long;
// empty if there are none.
func (s *Scheduler) Overdue() string {
	overdue, scraper, first := s.pending.overdue()
	if overdue == 0 {
		return ""
	}
	text := fmt.Sprintf("the slot of %s at %s is overdue", scraper, first.due.UTC().Format(time.RFC3339))
	if overdue > 1 {
		text = fmt.Sprintf("%d slots are overdue, first that of %s at %s", overdue, scraper, first.due.UTC().Format(time.RFC3339))
	}
	if first.err != nil {
		text += fmt.Sprintf(": %v", first.err)
	}
	return text
}
