package projections

import (
	"context"
	"time"

	"scrapelog/eventstore"
)

// Vitals is the state of a scraper in service that metrics show.
type Vitals struct {
	Name        string
	Lost        bool      // the connection to the scraper is lost and not back
	Failing     bool      // of the runs that failed or completed, the last has failed
	Overdue     time.Time // since when no run completed as expected in time; zero: not overdue
	LastSuccess time.Time // when the last run completed as expected; zero: none has
}

const listVitals = `SELECT name, lost_run IS NOT NULL AND NOT restored AND link = 'scraper', failing, overdue_since, last_success FROM scrapers
WHERE configured_at IS NOT NULL AND NOT removed
ORDER BY name`

// Vitals returns the vitals of every scraper in service, by name.
func (q *Queries) Vitals(ctx context.Context) ([]Vitals, error) {
	return list(ctx, q, "vitals of scrapers", listVitals, nil, func(row eventstore.Scanner) (v Vitals, err error) {
		return v, row.Scan(&v.Name, flag{&v.Lost}, flag{&v.Failing}, micros{&v.Overdue}, micros{&v.LastSuccess})
	})
}

const countOpenOutages = `SELECT count(*) FROM outages WHERE ended_at IS NULL`

// CountOpenOutages returns how many outages have not ended.
func (q *Queries) CountOpenOutages(ctx context.Context) (n int, err error) {
	return n, q.each(ctx, "count open outages", countOpenOutages, nil, func(row eventstore.Scanner) error { return row.Scan(&n) })
}

// ScraperCounts is how many scrapers are in service, and in which state. One that waits
// for the watcher of its attached run is not lost.
type ScraperCounts struct{ All, Lost, Paused int64 }

// Each count walks an index that has only what it counts: the rows are wide.
const scraperCounts = `SELECT
(SELECT count(*) FROM scrapers WHERE configured_at IS NOT NULL AND NOT removed),
(SELECT count(*) FROM scrapers WHERE configured_at IS NOT NULL AND NOT removed AND lost_run IS NOT NULL AND NOT restored AND link <> 'watcher'),
(SELECT count(*) FROM scrapers WHERE configured_at IS NOT NULL AND paused AND NOT removed)`

// ScraperCounts counts the scrapers in service.
func (q *Queries) ScraperCounts(ctx context.Context) (n ScraperCounts, err error) {
	return n, q.each(ctx, "count scrapers", scraperCounts, nil, func(row eventstore.Scanner) error { return row.Scan(&n.All, &n.Lost, &n.Paused) })
}

// LossesCounted is how far losses are counted.
const LossesCounted = 1000

// Losses is how many scrapers are lost and how many outages are open, each up to one more
// than LossesCounted.
type Losses struct{ Lost, Outages int64 }

const countLosses = `SELECT
(SELECT count(*) FROM (SELECT 1 FROM scrapers
  WHERE configured_at IS NOT NULL AND NOT removed AND lost_run IS NOT NULL AND NOT restored AND link <> 'watcher' LIMIT $1) AS lost),
(SELECT count(*) FROM (SELECT 1 FROM outages WHERE ended_at IS NULL LIMIT $1) AS open)`

// Losses counts the losses that stand.
func (q *Queries) Losses(ctx context.Context) (l Losses, err error) {
	return l, q.each(ctx, "count losses", countLosses, []any{LossesCounted + 1}, func(row eventstore.Scanner) error { return row.Scan(&l.Lost, &l.Outages) })
}
