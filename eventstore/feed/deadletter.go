package feed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

const (
	deadLetterAdd = `INSERT INTO dead_letters (topic, consumer_group, position, reason, recorded_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (topic, consumer_group, position) DO UPDATE SET reason = excluded.reason, recorded_at = excluded.recorded_at`
	deadLetterList = `SELECT consumer_group, position, reason, recorded_at FROM dead_letters
WHERE topic = $1
ORDER BY recorded_at, consumer_group, position`
	deadLetterTake = `DELETE FROM dead_letters WHERE topic = $1 AND consumer_group = $2 AND position = $3`
)

// DeadLetter is an event that a reaction could not handle and was moved past.
type DeadLetter struct {
	Group      string    `json:"group"`
	Position   int64     `json:"position"`
	Reason     string    `json:"reason"`
	RecordedAt time.Time `json:"recorded_at"`
}

// DeadLetters lists the events that were given up, the oldest first.
func (s *Feed) DeadLetters(ctx context.Context) ([]DeadLetter, error) {
	return eventstore.Select(ctx, s.From(ctx), "dead letters", func(row eventstore.Scanner) (d DeadLetter, err error) {
		return d, row.Scan(&d.Group, &d.Position, &d.Reason, eventstore.Micros{To: &d.RecordedAt})
	}, deadLetterList, eventstore.Topic)
}

// ReplayDeadLetter hands the event of a dead letter to its reaction once more.
// What handle writes through the transaction of its ctx commits together with the
// letter's removal; if it fails, both fall back and the letter stays. A letter
// that does not exist, or that another process replays, is domain.ErrNotFound.
func (s *Feed) ReplayDeadLetter(ctx context.Context, group string, position int64, handle func(ctx context.Context, r eventstore.Recorded) error) error {
	return s.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		taken, err := tx.ExecContext(ctx, deadLetterTake, eventstore.Topic, group, position)
		if err != nil {
			return eventstore.Unavailable(ctx, "dead letter", err)
		}
		if n, err := taken.RowsAffected(); err != nil || n == 0 {
			return errors.Join(fmt.Errorf("dead letter of %s at position %d: %w", group, position, domain.ErrNotFound), err)
		}
		r, err := s.ByPosition(ctx, position)
		if err != nil {
			return err
		}
		return handle(ctx, r)
	})
}

func (s *Feed) markBlocked(ctx context.Context, topic, group string, position int64, reason error) error {
	at := fmt.Sprintf("position %d: ", position)
	by := at + strings.TrimPrefix(reason.Error(), at)
	_, err := s.Exec(ctx, "mark as blocked", offsetBlock, by, topic, group)
	return err
}
