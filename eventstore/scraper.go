package eventstore

import (
	"context"
	"database/sql"

	"scrapelog/domain"
)

// guardDecide reads what a decision about a scraper needs: the end of its stream, its
// newest configuration (under every wire name of that event), its guard. The
// concatenation keeps SQLite from the index by type, where it would walk over the
// events of every other scraper.
var guardDecide = `
SELECT (SELECT coalesce(max(version), 0) FROM events WHERE stream = $1), c.type, c.data,
       coalesce(scraper, $2), ` + guardOrZero + `
FROM (SELECT 1 AS one) AS one
LEFT JOIN (
  SELECT type, data FROM events
  WHERE stream = $1 AND type || '' IN ('scraper.configured')
  ORDER BY version DESC LIMIT 1) AS c ON true
LEFT JOIN scraper_guard ON scraper = $2`

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
