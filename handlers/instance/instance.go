// Package instance keeps this instance alive in the database and ends the runs
// of instances that died, so that no run is open without an instance that follows it.
package instance

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/instances"
)

// BeatInterval is the time between two beats of an instance.
const BeatInterval = 2 * time.Second

// Store is the part of the event store that the keeper needs. All methods but InTx join
// the transaction in ctx.
type Store interface {
	InTx(ctx context.Context, do func(ctx context.Context, tx *sql.Tx) error) error
	Dead(ctx context.Context) ([]string, error)
	SurelyDead(ctx context.Context) ([]string, error)
	// MarkDead refuses, with domain.ErrConflict, an instance that is alive after all.
	MarkDead(ctx context.Context, id string) error
	Guards(ctx context.Context) ([]domain.Guard, error)
	// Clock returns the time by which instances count as dead.
	Clock(ctx context.Context) (time.Time, error)
}

// Keeper beats and sweeps. All exported fields are required.
type Keeper struct {
	Store  Store
	Beat   func(ctx context.Context) error // instances.ErrMarkedDead: others took this instance for dead
	Handle func(ctx context.Context, c domain.Command, by domain.Origin) ([]eventstore.Recorded, error)
	Logger *slog.Logger

	setting setting // of the clock

	beaten  time.Time          // when it last did
	clock   time.Time          // what it showed then; zero: not read yet
	doubted time.Time          // when the beats of others last proved nothing
	unknown map[uuid.UUID]bool // a run that a guard names and the log does not have, which was logged
}

// Begin ends the runs of the instances that are certainly dead when this one starts.
func (k *Keeper) Begin(ctx context.Context) error {
	dead, err := k.Store.SurelyDead(ctx)
	if err != nil {
		return err
	}
	return k.buryAll(ctx, dead)
}

// Run beats and sweeps until ctx ends, or until this instance finds itself
// marked dead: then its runs are no longer its own and it must let go of them.
func (k *Keeper) Run(ctx context.Context) error {
	k.beaten = time.Now() // the registration is the first beat
	k.doubted = k.beaten  // earlier beats of others are unknown
	var said time.Time    // that it cannot beat
	ticker := time.NewTicker(BeatInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := k.Beat(ctx); errors.Is(err, instances.ErrMarkedDead) {
			return err
		} else if err != nil && ctx.Err() == nil {
			if time.Since(said) > time.Minute {
				k.Logger.Error("recording this instance's beat failed, retrying", "error", err)
				said = time.Now()
			}
			continue
		}
		if !k.trusts(ctx) {
			continue
		}
		if err := k.Sweep(ctx); err != nil && ctx.Err() == nil {
			k.Logger.Error("ending the runs of dead instances failed, retrying", "error", err)
		}
	}
}

// trusts reports, after a beat of this instance, whether an old beat of another one
// means that the other is dead. It does not if this instance could not beat or was
// stopped, or if the clock was set: the others then have the time for two beats.
func (k *Keeper) trusts(ctx context.Context) bool {
	clock, err := k.Store.Clock(ctx)
	if err != nil {
		return false // the next beat will have taken too long
	}
	now := time.Now()
	passed := now.Sub(k.beaten)
	var set time.Duration
	if !k.clock.IsZero() {
		set = clock.Sub(k.clock) - passed
	}
	k.beaten, k.clock = now, clock
	if set.Abs() >= BeatInterval {
		k.setting.note(set)
	}
	if passed > BeatInterval*3/2 || set.Abs() >= BeatInterval {
		k.doubted = now
		k.Logger.Warn("waiting for beats of other instances before any counts as dead", "last_beat", passed, "clock_set_by", set)
	}
	return now.Sub(k.doubted) >= 2*BeatInterval
}

// Sweep ends the runs of every dead instance.
func (k *Keeper) Sweep(ctx context.Context) error {
	dead, err := k.Store.Dead(ctx)
	if err != nil {
		return err
	}
	return k.buryAll(ctx, dead)
}

func (k *Keeper) buryAll(ctx context.Context, dead []string) error {
	for _, id := range dead {
		err := k.Store.InTx(ctx, func(ctx context.Context, _ *sql.Tx) error { return k.bury(ctx, id) })
		if errors.Is(err, domain.ErrConflict) { // it lives again, or another instance was faster
			continue
		}
		if err != nil {
			return fmt.Errorf("instance %s: %w", id, err)
		}
	}
	return nil
}

// bury marks one instance dead and ends its runs, in one transaction.
func (k *Keeper) bury(ctx context.Context, id string) error {
	if err := k.Store.MarkDead(ctx, id); err != nil {
		return err
	}
	guards, err := k.Store.Guards(ctx)
	if err != nil {
		return err
	}
	for _, guard := range guards {
		if guard.OpenRun == uuid.Nil || guard.Instance != id {
			continue
		}
		if err := k.end(ctx, guard); err != nil {
			return err
		}
	}
	return nil
}

func (k *Keeper) end(ctx context.Context, guard domain.Guard) error {
	lost := domain.ReportConnectionLost{
		ToRun: domain.ToRun{RunID: guard.OpenRun}, Link: domain.LinkScraper, Cause: domain.CauseInstanceLost,
		Detail: "instance " + guard.Instance + " died while it followed this run",
	}
	_, err := k.Handle(ctx, lost, domain.Origin{Actor: "instances"})
	if errors.Is(err, domain.ErrNotFound) { // the guard was edited: the log has no such run
		if !k.unknown[guard.OpenRun] {
			k.Logger.Error("the guard of a scraper names an open run that is not in the log; run \"scrapelog db repair-guards\"", "scraper", guard.Scraper, "run", guard.OpenRun)
			k.unknown = map[uuid.UUID]bool{guard.OpenRun: true}
		}
		return nil
	}
	if errors.Is(err, domain.ErrFinished) {
		return nil
	}
	return err
}
