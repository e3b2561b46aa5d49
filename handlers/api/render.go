package api

import (
	"encoding/json"

	"scrapelog/handlers/live"
	"scrapelog/projections"
)

// snapshot is what a watcher begins from.
type snapshot struct {
	Runs     []projections.Run            `json:"runs"`
	Scrapers []projections.WatchedScraper `json:"scrapers"`
	Counts   projections.Counts           `json:"counts"`
	Position int64                        `json:"position"`
}

type countsChange struct {
	Counts   projections.Counts `json:"counts"`
	Position int64              `json:"position"`
}

// Render is how the hub behind [Config.Watch] writes messages: one "state", then
// a "run" or a "scraper" for each that changed, whole but for its configuration, and
// the "counts" as they are after it.
func Render(c projections.Changes) ([]live.Message, error) {
	if c.State {
		s := snapshot{Runs: c.Runs, Scrapers: make([]projections.WatchedScraper, len(c.Scrapers)), Counts: c.Counts, Position: c.Position}
		for i, scraper := range c.Scrapers {
			s.Scrapers[i] = projections.WatchedScraper{Scraper: scraper}
		}
		return rendered(nil, "state", s)
	}
	var messages []live.Message
	var err error
	for _, run := range c.Runs {
		if messages, err = rendered(messages, "run", run); err != nil {
			return nil, err
		}
	}
	for _, scraper := range c.Scrapers {
		if messages, err = rendered(messages, "scraper", projections.WatchedScraper{Scraper: scraper}); err != nil {
			return nil, err
		}
	}
	if len(c.Runs) == 0 {
		return messages, nil // only runs move the counts
	}
	return rendered(messages, "counts", countsChange{c.Counts, c.Position})
}

func rendered(messages []live.Message, event string, v any) ([]live.Message, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return append(messages, live.Message{Event: event, Data: data}), nil
}
