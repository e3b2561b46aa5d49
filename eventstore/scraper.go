package eventstore

import (
	"context"
	"database/sql"
	_ "embed"

	"scrapelog/domain"
)

//go:embed sql/scraper_guard.decide.sql
var guardDecide string

// Scraper returns the scraper's state, which follows from its newest configuration
// and its guard row, and the version of its stream. The state of a scraper that was
// never configured is its guard.
func (s *Store) Scraper(ctx context.Context, name string) (scraper domain.Scraper, version int64, err error) {
	var kind sql.NullString
	var data []byte
	row := s.From(ctx).QueryRowContext(ctx, guardDecide, domain.ScraperStream(name), name)
	guard, err := scanGuard(following{row, []any{&version, &kind, &data}})
	if err != nil {
		return domain.Scraper{}, 0, Unavailable(ctx, "scraper "+name, err)
	}
	scraper, err = scraperOf(name, kind, data, guard)
	return scraper, version, err
}

// following scans the columns of a row that follow the first ones.
type following struct {
	row   Scanner
	first []any
}

// Scan implements Scanner.
func (f following) Scan(dest ...any) error { return f.row.Scan(append(f.first, dest...)...) }
