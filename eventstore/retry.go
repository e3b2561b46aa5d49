package eventstore

import (
	"context"
	"log/slog"
	"time"
)

// Retry repeats do every second while passes reports that its error passes by itself,
// as [Transient] does. It returns nil, an error that does not pass, or the cause of ctx.
func Retry(ctx context.Context, logger *slog.Logger, passes func(error) bool, do func(ctx context.Context) error) error {
	var said time.Time
	for {
		err := do(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !passes(err):
			return err
		}
		if time.Since(said) > time.Minute {
			logger.Error("database unavailable, retrying", "error", err)
			said = time.Now()
		}
		if !Pause(ctx, time.Second) {
			return context.Cause(ctx)
		}
	}
}

// Pause waits, unless ctx ends first: then it returns false.
func Pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// restPerRow is how long Rest waits at most for each row that was read.
const restPerRow = 50 * time.Microsecond

// Rest waits nineteen times as long as it took to read rows, since began, unless ctx ends
// first, so that reading thousands of rows after each commit takes a twentieth of a core. A
// few rows that took long had to wait for the database: the next commit must not wait for
// them too.
func Rest(ctx context.Context, began time.Time, rows int) bool {
	return Pause(ctx, min(19*time.Since(began), time.Duration(rows)*restPerRow))
}
