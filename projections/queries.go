package projections

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Source is where queries read: *eventstore.Store.
type Source interface {
	Reader() *sql.DB
	// Offset is how far a projection has come.
	Offset(ctx context.Context, group string) (int64, error)
}

// Queries answers what pages and the API ask of the read models. Its methods may
// be called from any number of goroutines.
type Queries struct {
	db     *sql.DB
	offset func(ctx context.Context, group string) (int64, error)
	masked func(ctx context.Context) bool // nil: nothing is masked; see Veiled
	nameOf func(actor string) string      // nil: actors have no names; see Named
}

// NewQueries reads from source, whose tables [Ensure] has made.
func NewQueries(source Source) *Queries {
	return &Queries{db: source.Reader(), offset: source.Offset}
}

// Veiled returns the same queries, whose runs and scrapers are masked for a context that
// masked is true of; see [domain.ScraperConfig.Masked].
func (q Queries) Veiled(masked func(ctx context.Context) bool) *Queries {
	q.masked = masked
	return &q
}

// Named returns the same queries, whose runs and scrapers name actors as nameOf does.
func (q Queries) Named(nameOf func(actor string) string) *Queries {
	q.nameOf = nameOf
	return &q
}

func (q *Queries) named(actor string) string {
	if q.nameOf == nil || actor == "" {
		return actor
	}
	return q.nameOf(actor)
}

func (q *Queries) masks(ctx context.Context) bool { return q.masked != nil && q.masked(ctx) }

const runByID = `SELECT * FROM runs WHERE id = $1`

// Run returns one run, or domain.ErrNotFound.
func (q *Queries) Run(ctx context.Context, runID uuid.UUID) (Run, error) {
	runs, err := q.runs(ctx, runByID, runID.String())
	if err == nil && len(runs) == 0 {
		err = fmt.Errorf("run %s: %w", runID, domain.ErrNotFound)
	}
	if err != nil {
		return Run{}, err
	}
	return runs[0], nil
}

const openRuns = `SELECT * FROM runs WHERE status = 'running' ORDER BY started_at DESC, started DESC`

// OpenRuns returns the runs that have not ended, newest first.
func (q *Queries) OpenRuns(ctx context.Context) ([]Run, error) {
	return q.runs(ctx, openRuns)
}

const scrapersInService = `SELECT * FROM scrapers WHERE configured_at IS NOT NULL AND NOT removed ORDER BY name`

// Scrapers returns the scrapers that are in service, by name.
func (q *Queries) Scrapers(ctx context.Context) ([]Scraper, error) {
	return q.scrapers(ctx, scrapersInService)
}

const lostScrapers = `SELECT * FROM scrapers
WHERE configured_at IS NOT NULL AND NOT removed AND lost_run IS NOT NULL AND NOT restored
ORDER BY connection_since, name LIMIT $1`

// LostScrapers returns the first of them whose connection is lost now, the longest first.
func (q *Queries) LostScrapers(ctx context.Context, limit int) ([]Scraper, error) {
	return q.scrapers(ctx, lostScrapers, limit)
}

const pausedScrapers = `SELECT * FROM scrapers
WHERE paused AND NOT removed
ORDER BY paused_at, name LIMIT $1`

// PausedScrapers returns the first of them that are paused, the longest first.
func (q *Queries) PausedScrapers(ctx context.Context, limit int) ([]Scraper, error) {
	return q.scrapers(ctx, pausedScrapers, limit)
}

const overdueScrapers = `SELECT * FROM scrapers
WHERE configured_at IS NOT NULL AND NOT removed AND overdue_since IS NOT NULL
ORDER BY overdue_since, name LIMIT $1`

// OverdueScrapers returns the first of them that are overdue, the longest first.
func (q *Queries) OverdueScrapers(ctx context.Context, limit int) ([]Scraper, error) {
	return q.scrapers(ctx, overdueScrapers, limit)
}

const dueScrapers = `SELECT * FROM scrapers WHERE next_due IS NOT NULL ORDER BY next_due, name LIMIT $1`

// NextScrapers returns the first of them that have a slot to come, by the oldest
// slot that was not claimed yet.
func (q *Queries) NextScrapers(ctx context.Context, limit int) ([]Scraper, error) {
	return q.scrapers(ctx, dueScrapers, limit)
}

// ScrapersFrom returns the first of them whose name is not before the given one.
func (q *Queries) ScrapersFrom(ctx context.Context, name string, limit int) ([]Scraper, error) {
	return q.ScrapersWith(ctx, "", name, limit)
}

const scrapersAfter = `SELECT * FROM scrapers
WHERE name > $1 AND configured_at IS NOT NULL AND NOT removed
ORDER BY name LIMIT $2`

// ScrapersAfter returns the first of them whose name is after the given one.
func (q *Queries) ScrapersAfter(ctx context.Context, name string, limit int) ([]Scraper, error) {
	return q.scrapers(ctx, scrapersAfter, name, limit)
}

const scraperNames = `SELECT name FROM scrapers
WHERE configured_at IS NOT NULL AND NOT removed
ORDER BY name LIMIT $1`

// ScraperNames returns the first of their names.
func (q *Queries) ScraperNames(ctx context.Context, limit int) ([]string, error) {
	return list(ctx, q, "scraper names", scraperNames, []any{limit}, eventstore.Value[string])
}

const countScrapers = `SELECT count(*) FROM scrapers WHERE source = $1 AND configured_at IS NOT NULL AND NOT removed`

// CountScrapers returns how many of them are managed by source.
func (q *Queries) CountScrapers(ctx context.Context, source domain.Source) (n int, err error) {
	return n, q.each(ctx, "count scrapers", countScrapers, []any{string(source)}, func(row eventstore.Scanner) error { return row.Scan(&n) })
}

const scraperByName = `SELECT * FROM scrapers WHERE name = $1`

// Scraper returns one scraper, a removed one too, or domain.ErrNotFound.
func (q *Queries) Scraper(ctx context.Context, name string) (Scraper, error) {
	scrapers, err := q.scrapers(ctx, scraperByName, name)
	if err == nil && (len(scrapers) == 0 || scrapers[0].ConfiguredAt.IsZero()) {
		err = fmt.Errorf("scraper %q: %w", name, domain.ErrNotFound)
	}
	if err != nil {
		return Scraper{}, err
	}
	return scrapers[0], nil
}

// Streak returns how the last runs of a scraper were lost, and the position of the log
// up to which that holds.
func (q *Queries) Streak(ctx context.Context, scraper string) (domain.Streak, int64, error) {
	view, err := q.Scraper(ctx, scraper)
	return view.Streak, view.Position, err
}

func (q *Queries) runs(ctx context.Context, query string, args ...any) ([]Run, error) {
	masked := q.masks(ctx)
	return list(ctx, q, "runs", query, args, func(row eventstore.Scanner) (r Run, err error) {
		err = row.Scan(fieldsOf(r.columns())...)
		if masked {
			r.Params = domain.MaskParams(r.Params)
		}
		r.CancelledBy = q.named(r.CancelledBy)
		return r, err
	})
}

func (q *Queries) scrapers(ctx context.Context, query string, args ...any) ([]Scraper, error) {
	now, masked := time.Now(), q.masks(ctx)
	return list(ctx, q, "scrapers", query, args, func(row eventstore.Scanner) (Scraper, error) {
		var r scraperRow
		err := row.Scan(fieldsOf(r.columns())...)
		view := r.view(now)
		if masked {
			view.Config = view.Config.Masked()
		}
		view.PausedBy = q.named(view.PausedBy)
		return view, err
	})
}

// querier is a pool or a transaction.
type querier interface {
	eventstore.Querier
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// list returns what scan makes of the rows of a query; never nil.
func list[T any](ctx context.Context, q *Queries, what string, query string, args []any, scan func(row eventstore.Scanner) (T, error)) ([]T, error) {
	all := []T{}
	err := q.each(ctx, what, query, args, func(row eventstore.Scanner) error {
		one, err := scan(row)
		all = append(all, one)
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// each calls do for every row of a query. The error says what could not be read.
func (q *Queries) each(ctx context.Context, what, query string, args []any, do func(row eventstore.Scanner) error) error {
	if err := eventstore.EachRow(ctx, q.db, query, args, do); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
