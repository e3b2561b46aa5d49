package eventstore

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"time"
)

// Topic is the whole log. Any other topic is the stream of that name.
const Topic = "events"

var (
	//go:embed sql/consumer_offsets.get.sql
	offsetGet string
	//go:embed sql/consumer_offsets.list.sql
	offsetList string
)

// GroupState is how far a consumer group has come.
type GroupState struct {
	Name        string
	Position    int64
	Lag         int64         // events not yet seen
	Behind      time.Duration // age of the oldest of them
	BlockedBy   string        // why the next event cannot be applied; empty: nothing
	DeadLetters int64
	Failed      Failure // the last time that it could not go on here; zero: never
}

// GroupStates lists the consumer groups of the log by name.
func (s *Store) GroupStates(ctx context.Context) ([]GroupState, error) {
	rows, err := s.from(ctx).QueryContext(ctx, offsetList, Topic)
	if err != nil {
		return nil, unavailable(ctx, "consumer groups", err)
	}
	now := time.Now()
	groups, err := scanAll(rows, func(row scanner) (g GroupState, err error) {
		var waiting sql.NullInt64
		err = row.Scan(&g.Name, &g.Position, &g.Lag, &waiting, &g.BlockedBy, &g.DeadLetters)
		if waiting.Valid {
			g.Behind = max(0, now.Sub(time.UnixMicro(waiting.Int64)))
		}
		g.Failed = s.failures.of(g.Name)
		return g, err
	})
	if err != nil {
		return nil, unavailable(ctx, "consumer groups", err)
	}
	return groups, nil
}

// Offset is the position up to which a consumer group has handled the log.
func (s *Store) Offset(ctx context.Context, group string) (position int64, err error) {
	err = s.from(ctx).QueryRowContext(ctx, offsetGet, Topic, group).Scan(&position)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, unavailable(ctx, "offset of "+group, err)
	}
	return position, nil
}

// WaitFor returns when the group has handled the log up to position, or with
// the error of ctx.
func (s *Store) WaitFor(ctx context.Context, group string, position int64) error {
	progress, stop := s.WakeProgress()
	defer stop()
	// Another process may be the one that handles the group.
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	for {
		reached, err := s.Offset(ctx, group)
		if err != nil || reached >= position {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-progress:
		case <-poll.C:
		}
	}
}
