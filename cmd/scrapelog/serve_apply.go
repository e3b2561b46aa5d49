package main

import (
	"context"
	"fmt"
	"sync"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// fileScrapers are the scrapers that the configuration file manages. The log
// keeps their configuration without query strings, which often carry keys; the
// file's own URLs are kept here for whoever dials.
type fileScrapers struct {
	mu      sync.RWMutex
	configs map[string]domain.ScraperConfig
}

func (f *fileScrapers) set(scrapers []domain.ScraperConfig) {
	configs := make(map[string]domain.ScraperConfig, len(scrapers))
	for _, c := range scrapers {
		configs[c.Name] = c
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.configs = configs
}

// dialled is the configuration to dial with: the log's, with the file's own URLs
// where the two agree.
func (f *fileScrapers) dialled(logged domain.ScraperConfig) domain.ScraperConfig {
	f.mu.RLock()
	defer f.mu.RUnlock()
	own, managed := f.configs[logged.Name]
	if !managed {
		return logged
	}
	if redacted := own.Redacted(); redacted.URL == logged.URL && redacted.Probe.URL == logged.Probe.URL {
		logged.URL, logged.Probe.URL = own.URL, own.Probe.URL
	}
	return logged
}

// apply brings the log in line with the file: a difference is recorded, an
// unchanged scraper is not, and one that left the file is removed.
func (f *fileScrapers) apply(ctx context.Context, s *service, scrapers []domain.ScraperConfig) error {
	f.set(scrapers)
	by := domain.Origin{Actor: "file"}
	for _, c := range scrapers {
		configure := domain.ConfigureScraper{ToScraper: domain.ToScraper{Scraper: c.Name}, Source: domain.SourceFile, Config: c.Redacted()}
		if _, err := s.commands.Handle(ctx, configure, by); err != nil {
			return fmt.Errorf("scraper %s: %w", c.Name, err)
		}
	}
	known, err := allScrapers(ctx, s.store)
	if err != nil {
		return err
	}
	for _, scraper := range known {
		if f.has(scraper.Scraper) || scraper.Source != domain.SourceFile || !scraper.Configured() {
			continue
		}
		remove := domain.RemoveScraper{ToScraper: domain.ToScraper{Scraper: scraper.Scraper}, Source: domain.SourceFile, By: "file", Reason: "left the configuration file"}
		if _, err := s.commands.Handle(ctx, remove, by); err != nil {
			return fmt.Errorf("scraper %s: %w", scraper.Scraper, err)
		}
	}
	return nil
}

func (f *fileScrapers) has(name string) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	_, ok := f.configs[name]
	return ok
}

func allScrapers(ctx context.Context, store *eventstore.Store) ([]domain.Scraper, error) {
	guards, err := store.Guards(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]domain.Scraper, 0, len(guards))
	for _, guard := range guards {
		scraper, _, err := store.Scraper(ctx, guard.Scraper)
		if err != nil {
			return nil, err
		}
		all = append(all, scraper)
	}
	return all, nil
}
