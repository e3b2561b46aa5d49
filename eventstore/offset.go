package eventstore

import (
	"context"
	"database/sql"
	"errors"
)

// Topic is the whole log. Any other topic is the stream of that name.
const Topic = "events"

const offsetGet = `SELECT position FROM consumer_offsets WHERE topic = $1 AND consumer_group = $2`

// Offset returns the position up to which a consumer group has handled the log.
func (s *Store) Offset(ctx context.Context, group string) (position int64, err error) {
	err = s.From(ctx).QueryRowContext(ctx, offsetGet, Topic, group).Scan(&position)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return position, Unavailable(ctx, "offset of "+group, err)
}
