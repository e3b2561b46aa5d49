package eventstore

import (
	"context"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// RunsWith returns up to limit runs of which the part is anywhere in the id. It
// looks at every stream: it is for commands, not for pages.
func (s *Store) RunsWith(ctx context.Context, part domain.IDPart, limit int) ([]uuid.UUID, error) {
	rows, err := s.From(ctx).QueryContext(ctx,
		`SELECT stream FROM events WHERE version = 1 AND stream LIKE 'run-%' AND replace(stream, '-', '') LIKE $1 LIMIT $2`,
		"run%"+string(part)+"%", limit)
	if err != nil {
		return nil, Unavailable(ctx, "find run", err)
	}
	found, err := ScanAll(rows, func(row Scanner) (uuid.UUID, error) {
		var stream string
		if err := row.Scan(&stream); err != nil {
			return uuid.Nil, err
		}
		run, _ := domain.RunOfStream(stream)
		return run, nil
	})
	if err != nil {
		return nil, Unavailable(ctx, "find run", err)
	}
	return found, nil
}
