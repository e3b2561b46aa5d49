package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/react"
	"scrapelog/projections"
)

// measureScale lets one log grow, and measures at each size what might depend on it.
func measureScale(ctx context.Context, b *bench, d eventstore.Dialect) error {
	s, err := b.store(ctx, d)
	if err != nil {
		return err
	}
	defer s.Close()
	g := &grown{bench: b, store: s, dialect: d, first: map[string]float64{}}
	if err := projections.Ensure(ctx, s); err != nil {
		return err
	}
	for _, n := range b.scale {
		if err := g.measure(ctx, n); err != nil {
			return fmt.Errorf("%d events: %w", n, err)
		}
	}
	return nil
}

// grown is a log of a certain size.
type grown struct {
	*bench
	store   *eventstore.Store
	dialect eventstore.Dialect
	events  int64
	groups  int                // that were made to read it from its start
	first   map[string]float64 // rates in the smallest log
}

func (g *grown) measure(ctx context.Context, n int64) error {
	if err := fill(ctx, g.store, n); err != nil {
		return err
	}
	head, err := g.store.Head(ctx)
	if err != nil {
		return err
	}
	g.events = head
	for _, step := range []func(context.Context) error{g.appending, g.feeding, g.rebuilding, g.verifying} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// compare adds a rate beside that in the smallest log.
func (g *grown) compare(what string, rate, goal float64) {
	size := fmt.Sprintf(", %s events", thousands(g.events))
	if first, known := g.first[what]; known {
		g.atLeast(g.dialect, what+size, rate, "the smallest log", first, goal)
		return
	}
	g.first[what] = rate
}

func thousands(n int64) string {
	if n >= 1_000_000 {
		return fmt.Sprintf("%.1f M", float64(n)/1e6)
	}
	return fmt.Sprintf("%.0f K", float64(n)/1e3)
}

func (g *grown) appending(ctx context.Context) error {
	each := tellers(8)
	c := contender{"scrapelog", func(ctx context.Context, writer int) error {
		_, err := g.store.Append(ctx, each[writer].next())
		return err
	}}
	got, err := contest(ctx, g.rounds, g.turn/4, []int{8}, []contender{c})
	g.compare("append, 8 writers", got[c.name][8], 0)
	return err
}

// feeding projects the start of the log in a group that has all of it before it.
func (g *grown) feeding(ctx context.Context) error {
	var rates []float64
	for range g.rounds {
		g.groups++
		group := react.Group{Name: fmt.Sprintf("bench-%d", g.groups), Blocks: true, Types: domain.EventTypes, Handle: applyAll}
		begun := time.Now()
		stop, err := consume(g.store, group)
		if err != nil {
			return err
		}
		if err := g.store.WaitFor(ctx, group.Name, g.scale[0]); err != nil {
			return err
		}
		took := time.Since(begun)
		if err := stop(); err != nil {
			return err
		}
		rates = append(rates, float64(g.scale[0])/took.Seconds())
	}
	g.compare("feed with all of it as backlog", median(rates), 0.9)
	return nil
}

var errNoMessage = errors.New("not within the transaction of a message")

func applyAll(ctx context.Context, r eventstore.Recorded, e domain.Event) error {
	tx, ok := eventstore.TxFrom(ctx)
	if !ok {
		return errNoMessage
	}
	for _, p := range projections.All() {
		if err := p.Apply(ctx, tx, r, e); err != nil {
			return err
		}
	}
	return nil
}

// rebuilding compares with reading the same pages and upserting the same rows,
// once for each projection, as a rebuild reads the log once for each.
func (g *grown) rebuilding(ctx context.Context) error {
	var ours, theirs []float64
	for range g.rounds {
		got, err := g.timed(func() error {
			for _, p := range projections.All() {
				if err := projections.Rebuild(ctx, g.store, p.Name(), nil); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		ours = append(ours, got)
		copied, err := newCopies(ctx, g.store)
		if err != nil {
			return err
		}
		if got, err = g.timed(func() error { return copied.run(ctx) }); err != nil {
			return err
		}
		theirs = append(theirs, got)
	}
	what := "rebuild of every projection"
	g.compare(what, median(ours), 0)
	g.atLeast(g.dialect, fmt.Sprintf("%s, %s events", what, thousands(g.events)), median(ours), "pages and bulk upserts", median(theirs), 0.7)
	return nil
}

// timed is how many events of the whole log per second f takes.
func (g *grown) timed(f func() error) (perSecond float64, err error) {
	begun := time.Now()
	err = f()
	return float64(g.events) / time.Since(begun).Seconds(), err
}

func (g *grown) verifying(ctx context.Context) error {
	files := proof.Files{Key: filepath.Join(g.dir, "proof-"+string(g.dialect), "audit.key")}
	sealer, err := proof.Open(ctx, proof.Config{Store: g.store, Files: files})
	if err != nil {
		return err
	}
	if err := sealer.Seal(ctx); err != nil {
		return err
	}
	var ours, theirs []float64
	for range g.rounds {
		got, err := g.timed(func() error { return verify(ctx, g.store, files) })
		if err != nil {
			return err
		}
		ours = append(ours, got)
		if got, err = g.timed(func() error { return hashAll(ctx, g.store.Reader()) }); err != nil {
			return err
		}
		theirs = append(theirs, got)
	}
	g.compare("verify", median(ours), 0)
	g.atLeast(g.dialect, fmt.Sprintf("verify, %s events", thousands(g.events)), median(ours), "reading and SHA-256", median(theirs), 0.4)
	return nil
}

func verify(ctx context.Context, s *eventstore.Store, files proof.Files) error {
	result, err := proof.Verify(ctx, s, proof.Options{Files: files}, func(int64, int64) {})
	if err == nil && len(result.Damage) > 0 {
		err = fmt.Errorf("a false alarm: %s", result.Damage[0].Says)
	}
	return err
}
