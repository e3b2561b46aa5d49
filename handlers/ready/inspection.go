package ready

import (
	"context"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
)

const (
	inspectEvery = time.Minute
	// firstProof is how long a start waits for the guards to be proven: those of a
	// long log are proven after it.
	firstProof = 200 * time.Millisecond
	shortLog   = 20_000 // events
)

// Inspection looks for changes to the database that were made without an event, at start
// and each minute, and reads the whole copy of the checkpoints outside again.
type Inspection struct {
	store  *eventstore.Store
	sealer *proof.Sealer
	logger *slog.Logger
	guards eventstore.GuardProver
	begun  chan struct{} // a start is over

	mu     sync.Mutex
	wrong  []string // the instance is not ready
	weak   []string // others could do harm
	halted string   // no runs are started
}

// Inspect looks once. The guards of a long log are proven when the start is over: it takes
// seconds, and the start would wait for the same processors.
func Inspect(ctx context.Context, store *eventstore.Store, sealer *proof.Sealer, logger *slog.Logger) *Inspection {
	i := &Inspection{store: store, sealer: sealer, logger: logger, guards: eventstore.GuardProver{Store: store}, begun: make(chan struct{}, 1)}
	i.look(ctx, false)
	if head, err := store.Head(ctx); err != nil || head > shortLog {
		return i
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		i.look(ctx, true)
	}()
	select {
	case <-done:
	case <-time.After(firstProof):
	}
	return i
}

// Begun says that a start is over.
func (i *Inspection) Begun() {
	select {
	case i.begun <- struct{}{}:
	default: // Run has not looked since the last one
	}
}

// Run looks when the start is over and each minute, until ctx ends.
func (i *Inspection) Run(ctx context.Context) error {
	tick := time.NewTicker(inspectEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-i.begun:
			i.look(ctx, true)
			debug.FreeOSMemory() // what the start and the proof needed; it would stay until something allocates
		case <-tick.C:
			if err := i.sealer.Check(ctx); err != nil && ctx.Err() == nil {
				i.logger.Warn("cannot check the proof of the log", "error", err)
			}
			i.look(ctx, true)
		}
	}
}

// look replaces what is known. A database that does not answer says nothing.
func (i *Inspection) look(ctx context.Context, guards bool) {
	flaws, err := i.store.Flaws(ctx)
	var wrong, weak []string
	halted := ""
	for _, f := range flaws {
		switch {
		case f.Weak():
			weak = append(weak, f.Says)
			continue
		case f.Kind == eventstore.FlawOffset:
			halted = f.Says
		}
		wrong = append(wrong, f.Says)
	}
	if guards && err == nil {
		var mismatches []string
		mismatches, err = i.guards.Prove(ctx)
		for _, m := range mismatches {
			wrong = append(wrong, "table scraper_guard: "+m+`: stop the service and run "scrapelog db repair-guards"`)
		}
	}
	if err != nil {
		if ctx.Err() == nil {
			i.logger.Warn("cannot check the database for changes without an event", "error", err)
		}
		return
	}
	i.keep(wrong, weak, halted)
}

// keep logs what is new.
func (i *Inspection) keep(wrong, weak []string, halted string) {
	i.mu.Lock()
	known := slices.Concat(i.wrong, i.weak)
	i.wrong, i.weak, i.halted = wrong, weak, halted
	i.mu.Unlock()
	for _, says := range wrong {
		if !slices.Contains(known, says) {
			i.logger.Error("the database was changed without an event", "reason", says)
		}
	}
	for _, says := range weak {
		if !slices.Contains(known, says) {
			i.logger.Warn("the database is not safe from other users", "reason", says)
		}
	}
}

// Found returns what is wrong, and what would let others do harm.
func (i *Inspection) Found() (wrong, weak []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.wrong), slices.Clone(i.weak)
}

// Halts returns why no run may be started; empty: runs may.
func (i *Inspection) Halts() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.halted
}
