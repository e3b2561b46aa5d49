package main

import (
	"context"

	"scrapelog/eventstore"
)

var writers = []int{1, 8, 32}

const maxWriters = 32

// appendGoals are ratios to a plain INSERT, by number of writers.
var appendGoals = map[eventstore.Dialect]map[int]float64{
	eventstore.SQLite:   {1: 1.0, 8: 3, 32: 6},
	eventstore.Postgres: {1: 0.8, 8: 1.0, 32: 1.6},
}

// appendWhy is what profiles said.
var appendWhy = map[eventstore.Dialect]string{
	eventstore.SQLite: "writing and syncing pages is what takes the time: an append adds those of the type index, of the guard row and of its indexes to the three that a plain INSERT has, " +
		"and many appends share them; the trigger that keeps the log append-only asks three questions",
	eventstore.Postgres: "one round trip and one commit for a group, as for a plain INSERT; the server spends twice the CPU on its row (trigger, guard row, one more index) and writes 1.4 times the WAL, " +
		"and one group after another waits for the disk where plain INSERTs wait together",
}

// measureAppend: one event each, at its expected version, durable.
func measureAppend(ctx context.Context, b *bench, d eventstore.Dialect) error {
	contenders, done, err := b.appenders(ctx, d)
	defer done()
	if err != nil {
		return err
	}
	got, err := b.contest(ctx, d, b.turn, writers, contenders)
	if err != nil {
		return err
	}
	for _, n := range writers {
		ours := got[contenders[0].name][n]
		for i, c := range contenders[1:] {
			goal := 1.0 // of the peers: faster than both, at one writer no slower than message-db
			switch {
			case i == 0:
				goal = appendGoals[d][n]
			case n == 1 && c.name == watermillName:
				goal = 0
			}
			b.atLeast(d, "append, "+plural(n, "writer"), ours, c.name, got[c.name][n], goal, appendWhy[d])
		}
	}
	return nil
}

// appenders are scrapelog first, then a plain INSERT, then its peers.
func (b *bench) appenders(ctx context.Context, d eventstore.Dialect) (all []contender, done func(), err error) {
	var closers []func()
	done = func() {
		for _, c := range closers {
			c()
		}
	}
	makers := []func(context.Context, eventstore.Dialect, int) (contender, func(), error){b.appends, b.plainInserts, b.watermillPublishes}
	if d == eventstore.Postgres {
		makers = append(makers, b.messageDBWrites)
	}
	for _, m := range makers {
		c, closer, err := m(ctx, d, maxWriters)
		if err != nil {
			return nil, done, err
		}
		all, closers = append(all, c), append(closers, closer)
	}
	return all, done, nil
}

// appends is the contender that all of this is about.
func (b *bench) appends(ctx context.Context, d eventstore.Dialect, writers int) (contender, func(), error) {
	s, err := b.store(ctx, d)
	if err != nil {
		return contender{}, nil, err
	}
	each := tellers(writers)
	write := func(ctx context.Context, writer int) error {
		_, err := s.Append(ctx, each[writer].next())
		return err
	}
	return contender{name: "scrapelog", write: write}, func() { _ = s.Close() }, nil
}
