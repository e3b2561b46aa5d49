package projections

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// scrapersSearched is how many scrapers the text of a filter may mean: the runs of each
// are read along an index.
const scrapersSearched = 8

// meant returns what the text of a filter means: the first scrapers, removed ones too,
// whose names contain each of its words. If there are none, the runs whose id begins or
// ends with it.
func (q *Queries) meant(ctx context.Context, f RunFilter) (scrapers []string, runs []Run, err error) {
	if scrapers, err = q.scrapersNamed(ctx, f.Text); err != nil || len(scrapers) > 0 {
		return scrapers, nil, err
	}
	part, err := domain.ParseIDPart("text", f.Text)
	if err != nil {
		return nil, nil, nil //nolint:nilerr // a text that is no part of an id means no run
	}
	ids, err := q.idsWith(ctx, part)
	for _, id := range ids {
		run, err := q.Run(ctx, id)
		switch {
		case errors.Is(err, domain.ErrNotFound):
		case err != nil:
			return nil, nil, err
		case f.has(run):
			runs = append(runs, run)
		}
	}
	slices.SortFunc(runs, newest)
	return nil, runs, err
}

// idsWith returns the first ids of runs that begin or end with a part, or are it.
func (q *Queries) idsWith(ctx context.Context, part domain.IDPart) ([]uuid.UUID, error) {
	if id, whole := part.ID(); whole {
		return []uuid.UUID{id}, nil
	}
	return q.atAnEnd(ctx, runIDs, part)
}

// nameContains returns the conditions on a name that contains each of the words, and all
// arguments of their statement. It is not ok if no name can.
func nameContains(words string, args ...any) (conditions string, _ []any, ok bool) {
	for _, word := range strings.Fields(strings.ToLower(words)) {
		if !domain.ValidScraperName(word) { // nor is it a pattern
			return "", nil, false
		}
		args = append(args, "%"+word+"%")
		conditions += fmt.Sprintf(" AND name LIKE $%d", len(args))
	}
	return conditions, args, true
}

const scrapersNamed = `SELECT name FROM scrapers WHERE name > ''%s ORDER BY name LIMIT $1`

// scrapersNamed returns the first names that contain each of the words, one more than are
// searched.
func (q *Queries) scrapersNamed(ctx context.Context, words string) (names []string, err error) {
	named, args, ok := nameContains(words, scrapersSearched+1)
	if !ok {
		return nil, nil
	}
	return list(ctx, q, fmt.Sprintf("scrapers named %.40q", words), fmt.Sprintf(scrapersNamed, named), args, eventstore.Value[string])
}

// has reports whether the filter chooses a run, but for its text and its cursor.
func (f RunFilter) has(r Run) bool {
	return (len(f.Statuses) == 0 || slices.Contains(f.Statuses, r.Status)) && (f.Scraper == "" || f.Scraper == r.Scraper) &&
		(f.Trigger == "" || f.Trigger == r.Trigger) && (!f.Short || r.MinItems > 0) &&
		!r.StartedAt.Before(f.Since) && (f.Until.IsZero() || r.StartedAt.Before(f.Until))
}

// newest orders runs as lists do.
func newest(a, b Run) int {
	return cmp.Or(b.StartedAt.Compare(a.StartedAt.Time), cmp.Compare(b.StartPosition, a.StartPosition))
}

// runsWith is [Queries.Runs] of a filter with a text.
func (q *Queries) runsWith(ctx context.Context, f RunFilter) (RunPage, error) {
	if _, err := topOf(f.Until, f.Cursor); err != nil {
		return RunPage{}, err
	}
	scrapers, runs, err := q.meant(ctx, f)
	if err != nil || f.Cursor != "" && len(scrapers) == 0 { // runs with an id are few, and all on the first page
		return RunPage{Runs: []Run{}}, err
	}
	shown := scrapers[:min(len(scrapers), scrapersSearched)]
	page, limit := RunPage{Runs: append([]Run{}, runs...), Scrapers: shown, More: len(scrapers) > len(shown)}, cmp.Or(f.Limit, DefaultLimit)
	for of := range f.each(shown) {
		found, err := q.Runs(ctx, of)
		if err != nil {
			return RunPage{}, err
		}
		page.Runs = append(page.Runs, found.Runs...)
		if found.Next != "" {
			page.Next = found.Next
		}
	}
	slices.SortFunc(page.Runs, newest)
	if len(page.Runs) > limit || page.Next != "" {
		page.Runs = page.Runs[:limit]
		last := page.Runs[limit-1]
		page.Next = cursor{last.StartedAt.UnixMicro(), last.StartPosition}.String()
	}
	return page, nil
}

// each yields the filter for the runs of each scraper that its text means.
func (f RunFilter) each(scrapers []string) iter.Seq[RunFilter] {
	return func(yield func(RunFilter) bool) {
		for _, name := range scrapers {
			of := f
			of.Scraper, of.Text = name, ""
			if (f.Scraper == "" || f.Scraper == name) && !yield(of) {
				return
			}
		}
	}
}

// countsWith is [Queries.CountsOf] of a filter with a text.
func (q *Queries) countsWith(ctx context.Context, f RunFilter, most int) (Counts, error) {
	f.Statuses = nil
	scrapers, runs, err := q.meant(ctx, f)
	if err != nil {
		return nil, err
	}
	counts := none()
	for _, r := range runs {
		counts[r.Status]++
	}
	for of := range f.each(scrapers[:min(len(scrapers), scrapersSearched)]) {
		found, err := q.CountsOf(ctx, of, most)
		if err != nil {
			return nil, err
		}
		for status, n := range found {
			counts[status] = min(counts[status]+n, int64(most)+1)
		}
	}
	return counts, nil
}
