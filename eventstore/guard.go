package eventstore

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

var (
	//go:embed sql/scraper_guard.get.sql
	guardGet string
	//go:embed sql/scraper_guard.list.sql
	guardList string
	//go:embed sql/sqlite/scraper_guard.some.sql
	guardSomeSQLite string
	//go:embed sql/postgres/scraper_guard.some.sql
	guardSomePostgres string
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
		g          domain.Guard
		open, lost uuid.NullUUID
		lastDue    sql.NullInt64
	)
	err := row.Scan(&g.Scraper, &open, &g.Instance, &lost, &g.Restored, &g.Paused, &g.Removed, &lastDue, &g.Gap)
	if err != nil {
		return domain.Guard{}, err
	}
	g.OpenRun, g.LostRun = open.UUID, lost.UUID
	if lastDue.Valid {
		g.LastDue = time.Unix(0, lastDue.Int64).UTC()
	}
	return g, nil
}

// sameGuard compares times as instants; == would compare their zones as well.
func sameGuard(a, b domain.Guard) bool {
	if !a.LastDue.Equal(b.LastDue) {
		return false
	}
	a.LastDue, b.LastDue = time.Time{}, time.Time{}
	return a == b
}
