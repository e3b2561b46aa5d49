package serve

import (
	"context"
	"log/slog"
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

// inspection looks for what was done to the database beside its events, at start
// and each minute, and reads the whole copy of the checkpoints outside again.
type inspection struct {
	store  *eventstore.Store
	sealer *proof.Sealer
	logger *slog.Logger
	guards eventstore.GuardProver

	mu     sync.Mutex
	wrong  []string // the instance is not ready
	weak   []string // others could do harm
	halted string   // no runs are started
}

// start looks once.
func (i *inspection) start(ctx context.Context) {
	i.guards.Store = i.store
	i.look(ctx, false)
	done := make(chan struct{})
	go func() {
		defer close(done)
		i.look(ctx, true)
	}()
	if head, err := i.store.Head(ctx); err != nil || head > shortLog {
		return
	}
	select {
	case <-done:
	case <-time.After(firstProof):
	}
}

// run looks until ctx ends.
func (i *inspection) run(ctx context.Context) error {
	tick := time.NewTicker(inspectEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := i.sealer.Check(ctx); err != nil && ctx.Err() == nil {
				i.logger.Warn("the proof of the log cannot be looked at", "error", err)
			}
			i.look(ctx, true)
		}
	}
}

// look replaces what is known. A database that does not answer says nothing.
func (i *inspection) look(ctx context.Context, guards bool) {
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
			i.logger.Warn("the database cannot be looked at for changes beside its events", "error", err)
		}
		return
	}
	i.keep(wrong, weak, halted)
}

// keep logs what is new.
func (i *inspection) keep(wrong, weak []string, halted string) {
	i.mu.Lock()
	known := slices.Concat(i.wrong, i.weak)
	i.wrong, i.weak, i.halted = wrong, weak, halted
	i.mu.Unlock()
	for _, says := range wrong {
		if !slices.Contains(known, says) {
			i.logger.Error("the database was changed beside its events", "reason", says)
		}
	}
	for _, says := range weak {
		if !slices.Contains(known, says) {
			i.logger.Warn("the database is not safe from other users", "reason", says)
		}
	}
}

// found is what is wrong, and what lets others do harm.
func (i *inspection) found() (wrong, weak []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.wrong), slices.Clone(i.weak)
}

// halts says why no run may be started; empty: runs may.
func (i *inspection) halts() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.halted
}
