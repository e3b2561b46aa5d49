package eventstore

import (
	"context"
	"database/sql"
	"fmt"
)

// Scratch opens an empty SQLite database in a temporary file, for rows that are too
// many for memory. SQLite removes the file when the pool is closed and when the
// process ends. A transaction cannot be rolled back, and the pool has one connection.
func Scratch(ctx context.Context) (*sql.DB, error) {
	// An empty name makes the temporary file, below TMPDIR or /tmp.
	db, err := sql.Open("sqlite", "file:?_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)&_pragma=cache_size(-8000)")
	if err != nil {
		return nil, fmt.Errorf("%w: temporary database: %w", ErrUnavailable, err)
	}
	db.SetMaxOpenConns(1) // another connection would have another file
	db.SetMaxIdleConns(1)
	if err := db.PingContext(ctx); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("%w: temporary database: %w; set TMPDIR to a directory that can be written", ErrUnavailable, err)
	}
	return db, nil
}
