package proof

import (
	"context"
	_ "embed"
	"time"

	"scrapelog/eventstore"
)

//go:embed sql/log_checkpoints.recent.sql
var checkpointsRecent string

// Sealed is a checkpoint as the database keeps it.
type Sealed struct {
	Checkpoint
	At   time.Time // when it was signed
	Note string    // as it was signed
}

// Recent returns the newest checkpoints in the database, newest first and no more
// than limit. Nothing is verified. One that cannot be read has its Note alone.
func Recent(ctx context.Context, store *eventstore.Store, limit int) ([]Sealed, error) {
	rows, err := store.Reader().QueryContext(ctx, checkpointsRecent, limit)
	if err != nil {
		return nil, unavailable(ctx, "checkpoints", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	var recent []Sealed
	for rows.Next() {
		var s Sealed
		var at int64
		if err := rows.Scan(&s.Note, &at); err != nil {
			return nil, unavailable(ctx, "checkpoints", err)
		}
		s.At = time.UnixMicro(at).UTC()
		if c, err := parseCheckpoint(s.Note); err == nil {
			s.Checkpoint = c
		}
		recent = append(recent, s)
	}
	return recent, unavailable(ctx, "checkpoints", rows.Err())
}
