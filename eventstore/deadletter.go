package eventstore

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"time"
)

var (
	//go:embed sql/dead_letters.add.sql
	deadLetterAdd string
	//go:embed sql/dead_letters.list.sql
	deadLetterList string
)

// DeadLetter is an event that a reaction could not handle and was moved past.
type DeadLetter struct {
	Group      string    `json:"group"`
	Position   int64     `json:"position"`
	Reason     string    `json:"reason"`
	RecordedAt time.Time `json:"recorded_at"`
}

// DeadLetters lists what was given up, the oldest first.
func (s *Store) DeadLetters(ctx context.Context) ([]DeadLetter, error) {
	rows, err := s.from(ctx).QueryContext(ctx, deadLetterList, Topic)
	if err != nil {
		return nil, unavailable(ctx, "dead letters", err)
	}
	letters, err := scanAll(rows, func(row scanner) (d DeadLetter, err error) {
		var micros int64
		err = row.Scan(&d.Group, &d.Position, &d.Reason, &micros)
		d.RecordedAt = time.UnixMicro(micros).UTC()
		return d, err
	})
	if err != nil {
		return nil, unavailable(ctx, "dead letters", err)
	}
	return letters, nil
}

func (s *Store) markBlocked(ctx context.Context, topic, group string, position int64, reason error) error {
	return s.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, offsetBlock, fmt.Sprintf("position %d: %v", position, reason), topic, group)
		return err
	})
}
