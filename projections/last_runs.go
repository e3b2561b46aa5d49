package projections

import (
	"context"
	"fmt"
	"strings"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// lastRunsOf is the branch of one scraper: a walk along an index that ends after $1 runs.
const lastRunsOf = `SELECT * FROM (
SELECT id, scraper, status, link, started_at, ended_at, items, recovers, started FROM runs
WHERE scraper = $%d ORDER BY started_at DESC, started DESC LIMIT $1) AS branch`

// LastRuns returns the last n runs of each scraper, the newest first, in one query. Of a
// run it has the status, the link, the times, the items and the run that it recovers.
func (q *Queries) LastRuns(ctx context.Context, scrapers []string, n int) (map[string][]Run, error) {
	last := map[string][]Run{}
	if len(scrapers) == 0 {
		return last, nil
	}
	args, branches := []any{n}, make([]string, len(scrapers))
	for i, name := range scrapers {
		args, branches[i] = append(args, name), fmt.Sprintf(lastRunsOf, i+2)
	}
	err := q.each(ctx, "last runs", strings.Join(branches, "\nUNION ALL\n"), args, func(row eventstore.Scanner) error {
		var r Run
		err := row.Scan(id{&r.ID}, &r.Scraper, &r.Status, text[domain.Link]{&r.Link}, micros{&r.StartedAt.Time}, micros{&r.EndedAt.Time}, maybe{&r.Items}, id{&r.Recovers}, &r.StartPosition)
		last[r.Scraper] = append(last[r.Scraper], r)
		return err
	})
	return last, err
}

// ScrapersWith returns the first scrapers in service whose name is not before the given
// one and contains each of the words.
func (q *Queries) ScrapersWith(ctx context.Context, words, name string, limit int) ([]Scraper, error) {
	named, args, ok := nameContains(words, name, limit)
	if !ok {
		return []Scraper{}, nil
	}
	return q.scrapers(ctx, fmt.Sprintf(scrapersWith, named), args...)
}

const scrapersWith = `SELECT * FROM scrapers
WHERE name >= $1 AND configured_at IS NOT NULL AND NOT removed%s
ORDER BY name LIMIT $2`
