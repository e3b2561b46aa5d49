package feed

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// heldFor is how long events alone tell of open and lost runs, before all guards are
// read again.
const heldFor = 5 * time.Second

// held keeps the guards that name an open or a lost run. It reads them every few seconds,
// and between takes what was appended since, which the groups of the process have
// decoded as a rule.
type held struct {
	mu       sync.Mutex
	read     time.Time
	position int64
	guards   map[string]domain.Guard
}

// OpenRuns lists the open runs that name the instance.
func (s *Feed) OpenRuns(ctx context.Context, instance string) (runs []uuid.UUID, err error) {
	err = s.held.each(ctx, s, func(g domain.Guard) {
		if g.OpenRun != uuid.Nil && g.Instance == instance {
			runs = append(runs, g.OpenRun)
		}
	})
	return runs, err
}

// Lost lists the guards of the scrapers whose connection is down: lost, not
// restored, and not of a scraper that was removed.
func (s *Feed) Lost(ctx context.Context) (guards []domain.Guard, err error) {
	err = s.held.each(ctx, s, func(g domain.Guard) {
		if g.ConnectionDown() && !g.Removed {
			guards = append(guards, g)
		}
	})
	return guards, err
}

func (h *held) each(ctx context.Context, s *Feed, do func(domain.Guard)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.refresh(ctx, s); err != nil {
		h.read = time.Time{}
		return err
	}
	for _, g := range h.guards {
		do(g)
	}
	return nil
}

func (h *held) refresh(ctx context.Context, s *Feed) error {
	if h.read.IsZero() || time.Since(h.read) >= heldFor {
		began := time.Now()
		guards, head, err := s.GuardsHeld(ctx)
		if err != nil {
			return err
		}
		h.read, h.position, h.guards = began, head, make(map[string]domain.Guard, len(guards))
		for _, g := range guards {
			h.guards[g.Scraper] = g
		}
		return nil
	}
	for {
		events, err := s.next(ctx, h.position, readLimit)
		if err != nil || len(events) == 0 {
			return err
		}
		for _, e := range events {
			h.see(e)
		}
	}
}

func (h *held) see(e Event) {
	h.position = e.Position
	if e.Decoded == nil || e.Decoded.ScraperName() == "" {
		return
	}
	g := h.guards[e.Decoded.ScraperName()]
	g.Scraper = e.Decoded.ScraperName()
	h.guards[g.Scraper] = g.Evolve(e.Decoded)
}
