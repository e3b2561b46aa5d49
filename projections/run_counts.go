package projections

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

const listCounts = `SELECT status, runs FROM run_counts`

// Counts returns how many runs have each status, from stored counts.
func (q *Queries) Counts(ctx context.Context) (Counts, error) {
	return q.counts(ctx, listCounts)
}

// CountsOf returns how many runs of each status f chooses, without regard to its own
// status. It counts to at most one more than most, along an index that has all columns it
// needs: the cost does not grow with the history.
func (q *Queries) CountsOf(ctx context.Context, f RunFilter, most int) (Counts, error) {
	if err := f.validate(); err != nil {
		return nil, err
	}
	if f.Text != "" {
		return q.countsWith(ctx, f, most)
	}
	query, args := f.counting(most)
	return q.counts(ctx, query, args...)
}

// counting has one query for each pair of status and trigger: each walks along one index
// and ends when it has counted enough. ORDER BY keeps PostgreSQL from reading all rows
// that match. The numbers are literals, because PostgreSQL plans before it sees
// parameters.
func (f RunFilter) counting(most int) (query string, args []any) {
	args = []any{from(f.Since), until(f.Until)}
	if f.Short {
		f.Statuses = nil
		only, args := f.amongShort(args)
		return fmt.Sprintf(countShort, only, most+1), args
	}
	ofScraper := ""
	if f.Scraper != "" {
		ofScraper, args = "scraper = $3 AND ", append(args, f.Scraper)
	}
	var counts []string
	for _, status := range domain.Statuses {
		var branches []string
		for _, trigger := range or(one(f.Trigger), domain.Triggers[:]) {
			branches = append(branches, fmt.Sprintf(countBranch, ofScraper, literal(status), literal(trigger), most+1))
		}
		counts = append(counts, fmt.Sprintf("SELECT %s, count(*) FROM (%s LIMIT %d) AS counted", literal(status), strings.Join(branches, " UNION ALL "), most+1))
	}
	return strings.Join(counts, "\nUNION ALL\n"), args
}

// countBranch counts runs of one status and one trigger.
const countBranch = `SELECT * FROM (
SELECT 1 FROM runs
WHERE %sstatus = %s AND trigger = %s AND started_at >= $1 AND started_at < $2
ORDER BY started_at DESC, started DESC LIMIT %d) AS branch`

const countShort = `SELECT 'completed', count(*) FROM (
SELECT 1 FROM runs
WHERE min_items IS NOT NULL AND started_at >= $1 AND started_at < $2%s
ORDER BY started_at DESC, started DESC LIMIT %d) AS counted`

// literal is a constant of this package within a statement.
func literal[T ~string](name T) string { return "'" + string(name) + "'" }

// from and until are the ends of a span of time as the rows have them.
func from(t time.Time) int64 {
	if t.IsZero() {
		return math.MinInt64
	}
	return t.UnixMicro()
}

func until(t time.Time) int64 {
	if t.IsZero() {
		return math.MaxInt64
	}
	return t.UnixMicro()
}

// none counts no runs.
func none() Counts {
	counts := Counts{}
	for _, s := range domain.Statuses {
		counts[s] = 0
	}
	return counts
}

func (q *Queries) counts(ctx context.Context, query string, args ...any) (Counts, error) {
	counts := none()
	err := q.each(ctx, "run counts", query, args, func(row eventstore.Scanner) error {
		var status domain.RunStatus
		var runs int64
		err := row.Scan(text[domain.RunStatus]{&status}, &runs)
		counts[status] = runs
		return err
	})
	return counts, err
}
