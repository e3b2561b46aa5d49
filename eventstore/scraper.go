package eventstore

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"strings"

	"scrapelog/domain"
)

//go:embed sql/scraper_guard.decide.sql
var guardDecideText string

var guardDecide = strings.Replace(guardDecideText, "/*configured*/",
	"'"+strings.Join(domain.WireNames(domain.ScraperConfigured{}.EventType()), "', '")+"'", 1)

// Scraper is the scraper's state, for decisions, and the version of its stream:
// its newest configuration and its guard row. One that nobody has configured is
// zero but for its guard.
func (s *Store) Scraper(ctx context.Context, name string) (scraper domain.Scraper, version int64, err error) {
	var kind sql.NullString
	var data []byte
	row := s.From(ctx).QueryRowContext(ctx, guardDecide, domain.ScraperStream(name), name)
	guard, err := scanGuard(following{row, []any{&version, &kind, &data}})
	if err != nil {
		return domain.Scraper{}, 0, Unavailable(ctx, "scraper "+name, err)
	}
	if kind.Valid {
		configured, err := domain.Decode(kind.String, data)
		if err != nil {
			return domain.Scraper{}, 0, fmt.Errorf("configuration of scraper %s: %w", name, err)
		}
		scraper = scraper.Evolve(configured)
	}
	scraper.Guard = guard
	return scraper, version, nil
}

// following scans what follows the first columns of a row.
type following struct {
	row   Scanner
	first []any
}

// Scan implements Scanner.
func (f following) Scan(dest ...any) error { return f.row.Scan(append(f.first, dest...)...) }
