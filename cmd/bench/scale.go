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
	g := &grown{bench: b, store: s, dialect: d, first: map[string]figure{}}
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
	groups  int               // that were made to read it from its start
	first   map[string]figure // in the smallest log
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
func (g *grown) compare(what string, got figure, goal float64) {
	size := fmt.Sprintf(", %s events", thousands(g.events))
	if first, known := g.first[what]; known {
		g.atLeast(g.dialect, what+size, got, "the smallest log", first, goal, "")
		return
	}
	g.first[what] = got
}

func thousands(n int64) string {
	if n >= 1_000_000 {
		return fmt.Sprintf("%.1f M", float64(n)/1e6)
	}
	return fmt.Sprintf("%.0f K", float64(n)/1e3)
}

func (g *grown) appending(ctx context.Context) error {
	each := tellers(8)
	c := contender{name: "scrapelog", write: func(ctx context.Context, writer int) error {
		_, err := g.store.Append(ctx, each[writer].next())
		return err
	}}
	got, err := g.contest(ctx, g.dialect, g.turn/4, []int{8}, []contender{c})
	g.compare("append, 8 writers", got[c.name][8], 0)
	return err
}

// feeding projects the start of the log in a group that has all of it before it.
func (g *grown) feeding(ctx context.Context) error {
	var rates []figure
	for range g.rounds {
		g.groups++
		group := react.Group{Name: fmt.Sprintf("bench-%d", g.groups), Blocks: true, Types: domain.EventTypes, Handle: applyAll}
		m := g.meter(g.dialect)
		stop, err := consume(g.store, group)
		if err != nil {
			return err
		}
		if err := g.store.WaitFor(ctx, group.Name, g.scale[0]); err != nil {
			return err
		}
		got := m.read(g.bench, g.dialect, float64(g.scale[0]))
		if err := stop(); err != nil {
			return err
		}
		rates = append(rates, got)
	}
	g.compare("feed with all of it as backlog", middle(rates), 0.9)
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

// budget ends the rounds of what takes long in a large log. One is always whole.
const budget = 45 * time.Second

type competitor struct {
	prepare func() error // does not count; may be nil
	run     func() error
}

// compete has competitors take turns over the whole log, and returns the median
// of each and how many rounds there were.
func (g *grown) compete(competitors ...competitor) (medians []figure, rounds int, err error) {
	measured, begun := make([][]figure, len(competitors)), time.Now()
	for rounds < g.rounds && (rounds == 0 || time.Since(begun) < budget) {
		for i, c := range competitors {
			if c.prepare != nil {
				if err := c.prepare(); err != nil {
					return nil, rounds, err
				}
			}
			m := g.meter(g.dialect)
			if err := c.run(); err != nil {
				return nil, rounds, err
			}
			measured[i] = append(measured[i], m.read(g.bench, g.dialect, float64(g.events)))
		}
		rounds++
	}
	for _, all := range measured {
		medians = append(medians, middle(all))
	}
	return medians, rounds, nil
}

// sized names what was measured over the whole log, and in how many rounds if
// not in all of them.
func (g *grown) sized(what string, rounds int) string {
	what += fmt.Sprintf(", %s events", thousands(g.events))
	if rounds < g.rounds {
		what += " (" + plural(rounds, "round") + ")"
	}
	return what
}

func (g *grown) took(what string, f figure) {
	g.note("%s of %s events on %s: %.1f s", what, thousands(g.events), g.dialect, float64(g.events)/f.perSecond)
}

const foldWhy = "Pages are read, decoded and folded at the same time, so that two cores are at work where the other uses one: with both of them free it is faster, on a busy machine it is not; " +
	"decoding JSON is two fifths of it, which the other does not do, bulk upserts a quarter, reading a fifth"

// rebuilding compares with reading the same pages and upserting the same rows,
// once for each projection, as a rebuild reads the log once for each. A replay
// reads it once for all.
func (g *grown) rebuilding(ctx context.Context) error {
	var copied *copies // of what was rebuilt
	copyRows := func() (err error) {
		if copied == nil {
			copied, err = newCopies(ctx, g.store)
		}
		return err
	}
	got, rounds, err := g.compete(
		competitor{run: func() error { return g.rebuildAll(ctx) }},
		competitor{prepare: copyRows, run: func() error { return copied.run(ctx) }},
		competitor{run: func() error { return g.replay(ctx) }},
	)
	if err != nil {
		return err
	}
	const rival = "pages and bulk upserts"
	g.compare("rebuild of every projection", got[0], 0)
	g.atLeast(g.dialect, g.sized("rebuild of every projection", rounds), got[0], rival, got[1], 0.7, foldWhy)
	g.atLeast(g.dialect, g.sized("audit replay", rounds), got[2], rival, got[1], 0.7, foldWhy)
	g.took("audit replay", got[2])
	return nil
}

func (g *grown) rebuildAll(ctx context.Context) error {
	for _, p := range projections.All() {
		if err := projections.Rebuild(ctx, g.store, p.Name(), nil); err != nil {
			return err
		}
	}
	return nil
}

func (g *grown) replay(ctx context.Context) error {
	result, err := projections.Replay(ctx, g.store, projections.ReplayConfig{Against: projections.InTables(g.store)})
	if err == nil && !result.Equal {
		err = fmt.Errorf("a false alarm: %d rows differ", result.Differing)
	}
	return err
}

const verifyWhy = "Hashing is not what takes the time: a row has to be read, on SQLite by a database that is itself Go, on PostgreSQL through a connection, and copied in the order that is hashed; " +
	"the processor's own SHA instructions take a tenth of that"

func (g *grown) verifying(ctx context.Context) error {
	files := proof.Files{Key: filepath.Join(g.dir, "proof-"+string(g.dialect), "audit.key")}
	sealer, err := proof.Open(ctx, proof.Config{Store: g.store, Files: files})
	if err != nil {
		return err
	}
	if err := sealer.Seal(ctx); err != nil {
		return err
	}
	var hashing []figure
	got, rounds, err := g.compete(
		competitor{run: func() error { return verify(ctx, g.store, files) }},
		competitor{run: func() error {
			took, err := hashAll(ctx, g.store.Reader())
			hashing = append(hashing, figure{perSecond: float64(g.events) / took.Seconds(), here: took / time.Duration(g.events)})
			return err
		}},
	)
	if err != nil {
		return err
	}
	g.compare("verify", got[0], 0)
	g.atLeast(g.dialect, g.sized("verify", rounds), got[0], "SHA-256 alone", middle(hashing), 0.4, verifyWhy)
	g.atLeast(g.dialect, g.sized("verify", rounds), got[0], "reading and SHA-256", got[1], 0, "")
	g.took("events verify", got[0])
	return nil
}

func verify(ctx context.Context, s *eventstore.Store, files proof.Files) error {
	result, err := proof.Verify(ctx, s, proof.Options{Files: files}, func(int64, int64) {})
	if err == nil && len(result.Damage) > 0 {
		err = fmt.Errorf("a false alarm: %s", result.Damage[0].Says)
	}
	return err
}
