package web

import (
	"context"
	"maps"
	"sync"

	"scrapelog/domain"
)

// counted holds the number of events of each type. It counts the log once, and then only
// the events added since.
type counted struct {
	mu     sync.Mutex
	upTo   int64
	events map[string]int64
}

func (h *Handler) eventCounts(ctx context.Context) (map[string]int64, error) {
	c := &h.counted
	c.mu.Lock()
	defer c.mu.Unlock()
	more, err := h.cfg.Queries.EventCounts(ctx, c.upTo)
	if err != nil {
		return nil, err
	}
	if c.events == nil {
		c.events = map[string]int64{}
	}
	for eventType, n := range more {
		c.events[eventType] += n
		c.upTo += n
	}
	return maps.Clone(c.events), nil
}

// wireNames are the names under which the log may hold what a filter asks for.
func wireNames(types []string) []string {
	var names []string
	for _, t := range types {
		names = append(names, domain.WireNames(t)...)
	}
	return names
}
