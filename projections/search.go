package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// Found is what a search finds.
type Found struct {
	Scrapers []Scraper // in service: those whose names begin with the text, then those with its words in them
	Runs     []Run     // with the text as a part of their id
}

// Search finds scrapers by their names and runs by a part of their id, at most limit
// scrapers and 6 runs. It reads names along their index and never more than 10,000 ids.
func (q *Queries) Search(ctx context.Context, text string, limit int) (found Found, err error) {
	text = strings.ToLower(strings.TrimSpace(text))
	if found.Scrapers, err = q.searchScrapers(ctx, text, limit); err != nil {
		return Found{}, err
	}
	part, err := domain.ParseIDPart("text", text)
	if err != nil {
		return found, nil //nolint:nilerr // a text that is no part of an id means no run
	}
	found.Runs, err = q.searchRuns(ctx, part)
	return found, err
}

func (q *Queries) searchScrapers(ctx context.Context, text string, limit int) ([]Scraper, error) {
	found, err := q.ScrapersFrom(ctx, text, limit)
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(s Scraper) bool { return !strings.HasPrefix(s.Name, text) })
	if len(found) == limit || text == "" {
		return found, nil
	}
	names, err := q.scrapersNamed(ctx, text)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if len(found) == limit || slices.ContainsFunc(found, func(s Scraper) bool { return s.Name == name }) {
			continue
		}
		s, err := q.Scraper(ctx, name)
		if err != nil && !errors.Is(err, domain.ErrNotFound) {
			return nil, err
		}
		if err == nil && !s.Removed {
			found = append(found, s)
		}
	}
	return found, nil
}

func (q *Queries) searchRuns(ctx context.Context, part domain.IDPart) (runs []Run, err error) {
	ids, err := q.idsWith(ctx, part)
	if err == nil && len(ids) == 0 {
		ids, err = q.ids(ctx, runIDs.middle, "%"+string(part)+"%", searched, maxFound)
	}
	if err != nil {
		return nil, fmt.Errorf("search runs: %w", err)
	}
	for _, id := range ids[:min(len(ids), maxFound)] {
		run, err := q.Run(ctx, id)
		if err != nil && !errors.Is(err, domain.ErrNotFound) {
			return nil, err
		}
		if run.ID != uuid.Nil {
			runs = append(runs, run)
		}
	}
	return runs, nil
}
