package eventstore

import (
	"context"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// NewestRun returns the run that started last, if there is one.
func (s *Store) NewestRun(ctx context.Context) ([]uuid.UUID, error) {
	return s.runs(ctx, `SELECT stream FROM events WHERE version = 1 AND stream LIKE 'run-%' ORDER BY position DESC LIMIT 1`)
}

// RunsWith returns up to limit runs of which the part is anywhere in the id. It
// looks at every stream: it is for commands, not for pages.
func (s *Store) RunsWith(ctx context.Context, part domain.IDPart, limit int) ([]uuid.UUID, error) {
	return s.runs(ctx, `SELECT stream FROM events WHERE version = 1 AND stream LIKE 'run-%' AND replace(stream, '-', '') LIKE $1 LIMIT $2`,
		"run%"+string(part)+"%", limit)
}

func (s *Store) runs(ctx context.Context, query string, args ...any) ([]uuid.UUID, error) {
	return Select(ctx, s.From(ctx), "find run", func(row Scanner) (uuid.UUID, error) {
		var stream string
		err := row.Scan(&stream)
		run, _ := domain.RunOfStream(stream)
		return run, err
	}, query, args...)
}
