package serve

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

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
	if err := configure(ctx, s, scrapers); err != nil {
		return err
	}
	by := domain.Origin{Actor: "file"}
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

// configure records the scrapers in the file's order, but for files so long that
// one commit after the other would take minutes.
func configure(ctx context.Context, s *service, scrapers []domain.ScraperConfig) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(1 + min(len(scrapers)/100, 31))
	for _, c := range scrapers {
		group.Go(func() error {
			configure := domain.ConfigureScraper{ToScraper: domain.ToScraper{Scraper: c.Name}, Source: domain.SourceFile, Config: c.Redacted()}
			if _, err := s.commands.Handle(ctx, configure, domain.Origin{Actor: "file"}); err != nil {
				return fmt.Errorf("scraper %s: %w", c.Name, err)
			}
			return nil
		})
	}
	return group.Wait()
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
