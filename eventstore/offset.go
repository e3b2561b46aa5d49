package eventstore

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
)

// Topic is the whole log. Any other topic is the stream of that name.
const Topic = "events"

//go:embed sql/consumer_offsets.get.sql
var offsetGet string

// Offset returns the position up to which a consumer group has handled the log.
func (s *Store) Offset(ctx context.Context, group string) (position int64, err error) {
	err = s.From(ctx).QueryRowContext(ctx, offsetGet, Topic, group).Scan(&position)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return position, Unavailable(ctx, "offset of "+group, err)
}
