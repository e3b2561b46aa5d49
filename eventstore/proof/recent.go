package proof

import (
	"context"
	"time"

	"scrapelog/eventstore"
)

const checkpointsRecent = `SELECT note, sealed_at FROM log_checkpoints ORDER BY number DESC LIMIT $1`

// Sealed is a checkpoint as the database keeps it.
type Sealed struct {
	Checkpoint
	At   time.Time // when it was signed
	Note string    // as it was signed
}

// Recent returns the newest checkpoints in the database, newest first and no more
// than limit. Nothing is verified. One that cannot be read has its Note alone.
func Recent(ctx context.Context, store *eventstore.Store, limit int) ([]Sealed, error) {
	return eventstore.Select(ctx, store.Reader(), "checkpoints", func(row eventstore.Scanner) (s Sealed, err error) {
		err = row.Scan(&s.Note, eventstore.Micros{To: &s.At})
		if c, err := parseCheckpoint(s.Note); err == nil {
			s.Checkpoint = c
		}
		return s, err
	}, checkpointsRecent, limit)
}
