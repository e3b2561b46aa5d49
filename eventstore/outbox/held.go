package outbox

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"scrapelog/eventstore"
)

const (
	addCursor  = `INSERT INTO consumer_offsets (topic, consumer_group, position) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
	lockCursor = `UPDATE consumer_offsets SET position = position WHERE topic = $1 AND consumer_group = $2 RETURNING position`
	moveCursor = `UPDATE consumer_offsets SET position = $3 WHERE topic = $1 AND consumer_group = $2`
)

// Follow lets a reader of the outages begin at the end of the log, unless it has begun
// before.
func (o *Outbox) Follow(ctx context.Context, topic, group string) error {
	return o.InTx(ctx, func(ctx context.Context, _ *sql.Tx) error {
		head, err := o.Head(ctx)
		if err == nil {
			_, err = o.Exec(ctx, "follow "+topic, addCursor, topic, group, head)
		}
		return err
	})
}

// Reached runs do in a transaction in which no other instance does the same, with the
// position that the group has reached, and keeps the position that do returns.
func (o *Outbox) Reached(ctx context.Context, topic, group string, do func(ctx context.Context, position int64) (int64, error)) error {
	return o.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var position int64
		if err := tx.QueryRowContext(ctx, lockCursor, topic, group).Scan(&position); err != nil {
			return eventstore.Unavailable(ctx, "cursor of "+topic, err)
		}
		reached, err := do(ctx, position)
		if err != nil || reached == position {
			return err
		}
		_, err = o.Exec(ctx, "cursor of "+topic, moveCursor, topic, group, reached)
		return err
	})
}

const dueHeld = `SELECT ` + columns + ` FROM notices WHERE state = 'held' AND (next_attempt <= $1 OR next_attempt > $2) ORDER BY seq LIMIT 100`

// Held returns notices that have been held for long enough, in order.
func (o *Outbox) Held(ctx context.Context, now time.Time) ([]Notice, error) {
	return all(ctx, o.From(ctx), "held notices", dueHeld, now.UnixMicro(), now.Add(farthest).UnixMicro())
}

const mergeHeld = `UPDATE notices SET state = 'merged' WHERE subject = $1 AND channel = $2 AND type = $3 AND state = 'held'`

// Merge keeps a held notice of a subject from being sent. ok is false if there is none.
func (o *Outbox) Merge(ctx context.Context, subject, channel, noticeType string) (ok bool, err error) {
	merged, err := o.Exec(ctx, "merge notices", mergeHeld, subject, channel, noticeType)
	return merged > 0, err
}

const releaseHeld = `UPDATE notices SET state = $1, open = $2, body = $3, next_attempt = $4 WHERE seq = $5 AND state = 'held'`

// Release gives a held notice its state and body.
func (o *Outbox) Release(ctx context.Context, n Notice) error {
	body := sql.NullString{String: string(n.Body), Valid: n.Body != nil}
	_, err := o.Exec(ctx, "release notice", releaseHeld, string(n.State), n.Open, body, n.NextAttempt.UnixMicro(), n.Seq)
	return err
}

// RecordedAt returns when the event at a position was recorded. ok is false if there is
// none.
func (o *Outbox) RecordedAt(ctx context.Context, position int64) (at time.Time, ok bool, err error) {
	err = o.From(ctx).QueryRowContext(ctx, `SELECT recorded_at FROM events WHERE position = $1`, position).Scan(eventstore.Micros{To: &at})
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, false, nil
	}
	return at, err == nil, eventstore.Unavailable(ctx, "event", err)
}
