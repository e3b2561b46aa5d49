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
