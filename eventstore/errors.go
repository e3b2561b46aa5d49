package eventstore

import (
	"context"
	"errors"
	"fmt"

	"scrapelog/domain"
)

var (
	// ErrConflict: the stream or the guard is not what the append expected, or
	// an event id is taken. Load, decide and append again.
	ErrConflict = fmt.Errorf("the log has moved on: %w", domain.ErrConflict)
	// ErrForeign: the database belongs to another program, or to a newer
	// version of this one. Nothing in it was touched.
	ErrForeign = errors.New("not a database of this program")
	// ErrUnavailable: the database cannot be reached, opened or written.
	ErrUnavailable = errors.New("database unavailable")
	// ErrHeld: another process serves this database.
	ErrHeld = errors.New("database is held by another process")
	// ErrMarkedDead: another instance has taken this one for dead and ended its
	// runs. Drop every stream and register under a new id.
	ErrMarkedDead = errors.New("this instance was marked dead")
)

var (
	errReadOnly    = fmt.Errorf("%w: opened read-only", ErrUnavailable)
	errStoreClosed = fmt.Errorf("%w: the store was closed", ErrUnavailable)
)

// unavailable wraps what the database said, unless it was our own context that
// ended.
func unavailable(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	}
	return fmt.Errorf("%w: %s: %w", ErrUnavailable, doing, err)
}
