package eventstore

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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
	return getGuard(ctx, s.from(ctx), scraper)
}

// Guards lists the guard rows by name.
func (s *Store) Guards(ctx context.Context) ([]domain.Guard, error) {
	return listGuards(ctx, s.from(ctx))
}

func listGuards(ctx context.Context, from querier) ([]domain.Guard, error) {
	rows, err := from.QueryContext(ctx, guardList)
	if err != nil {
		return nil, unavailable(ctx, "guards", err)
	}
	guards, err := scanAll(rows, scanGuard)
	if err != nil {
		return nil, unavailable(ctx, "guards", err)
	}
	return guards, nil
}

func getGuard(ctx context.Context, from querier, scraper string) (domain.Guard, error) {
	g, err := scanGuard(from.QueryRowContext(ctx, guardGet, scraper))
	if errors.Is(err, sql.ErrNoRows) {
		return domain.Guard{Scraper: scraper}, nil
	}
	if err != nil {
		return domain.Guard{}, unavailable(ctx, "guard of "+scraper, err)
	}
	return g, nil
}

func scanGuard(row scanner) (domain.Guard, error) {
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

// ProveGuards folds the whole log and names every guard row that differs from
// what the log says. Events of a newer program may move a guard in ways that this
// one cannot follow: where a scraper has some, a difference proves nothing.
func (s *Store) ProveGuards(ctx context.Context) (mismatches []string, err error) {
	tx, err := s.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	p := proof{guards: map[string]domain.Guard{}, beyond: map[string]bool{}}
	if err := each(ctx, tx, 0, p.see); err != nil {
		return nil, err
	}
	rows, err := listGuards(ctx, tx)
	if err != nil {
		return nil, err
	}
	return p.compare(rows), nil
}

// proof is what the log says of guards.
type proof struct {
	guards map[string]domain.Guard
	beyond map[string]bool // scrapers with events of unknown types
}

func (p proof) see(r Recorded) error {
	e, err := r.Event()
	if err != nil {
		return err
	}
	if e == nil {
		p.beyond[scraperOf(r)] = true
		return nil
	}
	if e.ScraperName() == "" {
		return nil
	}
	g := p.guards[e.ScraperName()]
	g.Scraper = e.ScraperName()
	p.guards[g.Scraper] = g.Evolve(e)
	return nil
}

// scraperOf reads what every event says, of whatever type.
func scraperOf(r Recorded) string {
	var about domain.AboutScraper
	if json.Unmarshal(r.Data, &about) != nil || about.Scraper == "" {
		return strings.TrimPrefix(r.Stream, domain.ScraperStream(""))
	}
	return about.Scraper
}

func (p proof) compare(rows []domain.Guard) (mismatches []string) {
	for _, row := range rows {
		if want, known := p.guards[row.Scraper]; !p.beyond[row.Scraper] && (!known || !sameGuard(row, want)) {
			mismatches = append(mismatches, fmt.Sprintf("guard of scraper %s is %+v, and by the log %+v", row.Scraper, row, want))
		}
		delete(p.guards, row.Scraper)
	}
	for name := range p.guards {
		mismatches = append(mismatches, fmt.Sprintf("guard of scraper %s is missing", name))
	}
	return mismatches
}
