package eventstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// guardColumns lists the columns of scraper_guard in the order of scanGuard and of
// guardRow.values.
const guardColumns = `scraper, open_run, instance, lost_run, restored, paused, removed, last_due, gap,
	success_within, expected_since, last_success, overdue_since`

const (
	guardGet  = `SELECT ` + guardColumns + ` FROM scraper_guard WHERE scraper = $1`
	guardList = `SELECT ` + guardColumns + ` FROM scraper_guard ORDER BY scraper`
	guardLost = `SELECT ` + guardColumns + ` FROM scraper_guard WHERE lost_run IS NOT NULL AND NOT restored AND NOT removed`

	guardSomeSQLite   = `SELECT ` + guardColumns + ` FROM scraper_guard WHERE scraper IN (SELECT value FROM json_each($1))`
	guardSomePostgres = `SELECT ` + guardColumns + ` FROM scraper_guard WHERE scraper IN (SELECT value FROM json_array_elements_text($1::json))`

	guardPut = `INSERT INTO scraper_guard (` + guardColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		ON CONFLICT (scraper) DO UPDATE SET
			open_run = excluded.open_run, instance = excluded.instance, lost_run = excluded.lost_run,
			restored = excluded.restored, paused = excluded.paused, removed = excluded.removed,
			last_due = excluded.last_due, gap = excluded.gap, success_within = excluded.success_within,
			expected_since = excluded.expected_since, last_success = excluded.last_success, overdue_since = excluded.overdue_since`
)

// Guard is the scraper's guard row; the zero guard of that name when nothing
// has happened to it.
func (s *Store) Guard(ctx context.Context, scraper string) (domain.Guard, error) {
	return getGuard(ctx, s.From(ctx), scraper)
}

// Guards lists the guard rows by name.
func (s *Store) Guards(ctx context.Context) ([]domain.Guard, error) {
	return listGuards(ctx, s.From(ctx))
}

func listGuards(ctx context.Context, from Querier) ([]domain.Guard, error) {
	rows, err := from.QueryContext(ctx, guardList)
	if err != nil {
		return nil, Unavailable(ctx, "guards", err)
	}
	guards, err := ScanAll(rows, scanGuard)
	if err != nil {
		return nil, Unavailable(ctx, "guards", err)
	}
	return guards, nil
}

func getGuard(ctx context.Context, from Querier, scraper string) (domain.Guard, error) {
	g, err := scanGuard(from.QueryRowContext(ctx, guardGet, scraper))
	if errors.Is(err, sql.ErrNoRows) {
		return domain.Guard{Scraper: scraper}, nil
	}
	if err != nil {
		return domain.Guard{}, Unavailable(ctx, "guard of "+scraper, err)
	}
	return g, nil
}

func scanGuard(row Scanner) (domain.Guard, error) {
	var (
		g                                    domain.Guard
		open, lost                           uuid.NullUUID
		lastDue, since, lastSuccess, overdue sql.NullInt64
	)
	err := row.Scan(&g.Scraper, &open, &g.Instance, &lost, &g.Restored, &g.Paused, &g.Removed, &lastDue, &g.Gap,
		&g.Expect.Within, &since, &lastSuccess, &overdue)
	if err != nil {
		return domain.Guard{}, err
	}
	g.OpenRun, g.LostRun = open.UUID, lost.UUID
	for i, at := range guardTimes(&g) {
		if stored := []sql.NullInt64{lastDue, since, lastSuccess, overdue}[i]; stored.Valid {
			*at = time.Unix(0, stored.Int64).UTC()
		}
	}
	return g, nil
}

// guardTimes lists the times of a guard in the order of guardColumns.
func guardTimes(g *domain.Guard) [4]*time.Time {
	return [...]*time.Time{&g.LastDue, &g.Expect.Since, &g.Expect.LastSuccess, &g.Expect.OverdueSince}
}

// sameGuard compares times as instants; == would compare their zones as well. What an
// older program has left of an expectation that is none does not count.
func sameGuard(a, b domain.Guard) bool {
	for _, g := range []*domain.Guard{&a, &b} {
		if g.Expect.Within == 0 {
			g.Expect = domain.Expectation{}
		}
	}
	for i, at := range guardTimes(&a) {
		other := guardTimes(&b)[i]
		if !at.Equal(*other) {
			return false
		}
		*at, *other = time.Time{}, time.Time{}
	}
	return a == b
}
