package instance

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"scrapelog/eventstore"
	"scrapelog/eventstore/instances"
)

// Tenure is the work of a process under one instance id. All exported fields are
// required.
type Tenure struct {
	Lock *instances.Instance // whose id it is
	// Begin is done step by step before anything acts. A step is repeated while the
	// database is unavailable.
	Begin []func(ctx context.Context) error
	// Keep beats. It ends last: an instance that still follows runs must not be marked
	// dead.
	Keep func(ctx context.Context) error
	// Follow follows runs. It ends when its runs have ended. The cause of its context is
	// instances.ErrMarkedDead if the runs are no longer those of this instance.
	Follow func(ctx context.Context) error
	// Act is everything else that acts: it stops first, so that no run is started that
	// nothing would follow.
	Act []func(ctx context.Context) error
	// End is called when everything has ended, before the lock is released.
	End func()

	stopping <-chan struct{} // closed: no new runs
}

// Serve works under one id after another until ctx ends: an instance that others marked
// dead has lost its runs to them, and begins again under the id of next.
func Serve(ctx context.Context, t *Tenure, next func(ctx context.Context) (*Tenure, error), logger *slog.Logger) error {
	for {
		err := unlessStopped(ctx, t.run(ctx, logger))
		if !errors.Is(err, instances.ErrMarkedDead) || ctx.Err() != nil {
			return err
		}
		logger.Warn("others marked this instance dead and ended its runs; it begins again under a new id", "instance", t.Lock.ID)
		again := func(ctx context.Context) (err error) { t, err = next(ctx); return err }
		if err := eventstore.Retry(ctx, logger, away, again); err != nil {
			return unlessStopped(ctx, err)
		}
	}
}

// unlessStopped returns err, or nil when our own stop caused it.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return nil
	}
	return err
}

// away reports whether err says that the database is unavailable or in maintenance: a
// process that holds its lock waits for it.
func away(err error) bool { return errors.Is(err, eventstore.ErrHeld) || eventstore.Unreachable(err) }

func (t *Tenure) run(ctx context.Context, logger *slog.Logger) error {
	t.stopping = ctx.Done()
	defer func() {
		t.End()
		if err := Release(t.Lock); err != nil {
			logger.Warn("cannot release the instance", "error", err)
		}
	}()
	for _, step := range t.Begin {
		if err := eventstore.Retry(ctx, logger, away, step); err != nil {
			return err
		}
	}
	return t.work(ctx)
}

// work does everything until ctx ends, this instance is marked dead, or a part ends
// early.
func (t *Tenure) work(ctx context.Context) error {
	acting, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	living, stopLiving := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLiving()
	var parts errgroup.Group
	parts.Go(func() error {
		err := t.Keep(living)
		if err != nil {
			stop(err)
		}
		return err
	})
	parts.Go(func() error {
		defer stopLiving()
		return t.Follow(acting)
	})
	for _, act := range t.Act {
		parts.Go(func() error {
			err := act(acting)
			if acting.Err() == nil {
				stop(err) // ended early
			}
			return err
		})
	}
	return parts.Wait()
}

// Release gives an instance's id and lock back. It waits at most five seconds for the
// database.
func Release(lock *instances.Instance) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return lock.Release(ctx)
}

// Stopping reports whether this instance starts no new runs.
func (t *Tenure) Stopping() bool {
	select {
	case <-t.stopping:
		return true
	default:
		return false
	}
}
