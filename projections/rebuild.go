package projections

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"scrapelog/eventstore"
)

// Rebuild folds a projection from the start of the log into fresh tables
// while the old ones go on serving, then swaps them in one transaction. A crash
// in the middle leaves the old ones; what was begun is dropped by the next
// rebuild. One rebuild runs at a time: another waits for it.
//
// progress, which may be nil, is told after each page how far the fold has come.
func Rebuild(ctx context.Context, store *eventstore.Store, name string, progress func(done, head int64)) error {
	p, err := Find(name)
	if err != nil {
		return err
	}
	if progress == nil {
		progress = func(int64, int64) {}
	}
	unlock, err := lockBuilds(ctx, store)
	if err != nil {
		return fmt.Errorf("rebuild %s: %w", name, err)
	}
	defer unlock()
	if err := p.rebuild(ctx, store, PageSize, progress); err != nil {
		return fmt.Errorf("rebuild %s: %w", name, err)
	}
	return nil
}

// build is a rebuild under way.
type build struct {
	Projection
	store      *eventstore.Store
	pages      Pages
	progress   func(done, head int64)
	generation string
	tx         current
	rows       folder
	done       int64 // the position that is folded
}

func (p Projection) rebuild(ctx context.Context, store *eventstore.Store, pageSize int, progress func(done, head int64)) error {
	// The names of indexes, which the old ones still have, must be new ones.
	generation := fmt.Sprintf("_%d", time.Now().UnixMicro())
	wanted := func(wireName string) bool { return slices.Contains(p.types, wireName) }
	b := &build{Projection: p, store: store, pages: Pages{store, pageSize, wanted}, progress: progress, generation: generation}
	for _, step := range []func(context.Context) error{b.begin, b.catchUp, b.index, b.swap} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (b *build) at() place {
	return place{querier: &b.tx, next: "_next", generation: b.generation, dialect: b.store.Dialect()}
}

// begin makes empty tables, in place of what an interrupted rebuild has left.
func (b *build) begin(ctx context.Context) error {
	return b.inTx(ctx, func(ctx context.Context) error {
		for _, table := range b.tables {
			if err := b.exec(ctx, "DROP TABLE IF EXISTS "+table.name+"_next"); err != nil {
				return err
			}
			if err := b.exec(ctx, table.create(b.at())); err != nil {
				return err
			}
		}
		b.rows = b.fold(b.at())
		return nil
	})
}

// catchUp folds page after page, each in a short transaction of its own, until
// the head is near.
func (b *build) catchUp(ctx context.Context) error {
	for {
		head, err := b.store.Head(ctx)
		if err != nil {
			return err
		}
		size := int64(b.pages.Size)
		until := b.done + max(0, head-b.done-1)/size*size
		if until == b.done {
			return nil
		}
		err = b.pages.Each(ctx, b.done, until, func(ctx context.Context, next Page) error {
			return b.inTx(ctx, func(ctx context.Context) error {
				if err := b.relax(ctx); err != nil {
					return err
				}
				return b.add(ctx, next, head)
			})
		})
		if err != nil {
			return err
		}
		b.done = until
	}
}

// relax has PostgreSQL not wait for the disk with every page: what is lost with
// the server was to be begun anew, and the swap waits for all of it.
func (b *build) relax(ctx context.Context) error {
	if b.store.Dialect() != eventstore.Postgres {
		return nil
	}
	return b.exec(ctx, "SET LOCAL synchronous_commit = off")
}

// add folds a page in the transaction of ctx.
func (b *build) add(ctx context.Context, next Page, head int64) error {
	events := next.known()
	if err := b.rows.load(ctx, events); err != nil {
		return err
	}
	for _, e := range events {
		if err := b.rows.apply(ctx, e); err != nil {
			return fmt.Errorf("position %d: %w", e.position, err)
		}
	}
	if err := b.rows.flush(ctx); err != nil {
		return err
	}
	b.done = next.last()
	b.progress(b.done, head)
	return nil
}

// index comes after the rows: filling a table that has its indexes costs more.
func (b *build) index(ctx context.Context) error {
	for _, table := range b.tables {
		for _, index := range table.indexes {
			err := b.inTx(ctx, func(ctx context.Context) error { return b.exec(ctx, table.index(b.at(), index)) })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// lockOffset makes the row if it is missing and locks it, on both databases, by
// writing what is there: the consumer group stands still until the transaction ends.
const lockOffset = `INSERT INTO consumer_offsets (topic, consumer_group) VALUES ($1, $2)
ON CONFLICT (topic, consumer_group) DO UPDATE SET position = consumer_offsets.position`

const setOffset = `UPDATE consumer_offsets SET position = $3, blocked_by = NULL WHERE topic = $1 AND consumer_group = $2`

const setVersion = `INSERT INTO projections (name, version) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET version = excluded.version`

// swap folds the rest while the consumer group stands still, puts the fresh
// tables in the place of the old ones and lets the group go on from there.
func (b *build) swap(ctx context.Context) error {
	return b.inTx(ctx, func(ctx context.Context) error {
		if err := b.exec(ctx, lockOffset, eventstore.Topic, b.name); err != nil {
			return err
		}
		head, err := b.store.Head(ctx)
		if err != nil {
			return err
		}
		if err := b.finish(ctx, head); err != nil {
			return err
		}
		return b.replace(ctx, head)
	})
}

// finish folds what is left in the transaction of ctx.
func (b *build) finish(ctx context.Context, head int64) error {
	for b.done < head {
		payloads, err := b.store.Payloads(ctx, b.done, head, b.pages.Size)
		if err != nil {
			return err
		}
		if len(payloads) == 0 {
			return fmt.Errorf("the log ends at position %d, before its head %d", b.done, head)
		}
		next, err := b.pages.decode(payloads)
		if err != nil {
			return err
		}
		if err := b.add(ctx, next, head); err != nil {
			return err
		}
	}
	return nil
}

func (b *build) replace(ctx context.Context, head int64) error {
	for _, table := range b.tables {
		if err := b.exec(ctx, "DROP TABLE IF EXISTS "+table.name); err != nil {
			return err
		}
		if err := b.exec(ctx, "ALTER TABLE "+table.name+"_next RENAME TO "+table.name); err != nil {
			return err
		}
	}
	if err := b.exec(ctx, setOffset, eventstore.Topic, b.name, head); err != nil {
		return err
	}
	return b.exec(ctx, setVersion, b.name, b.version)
}

// current is the transaction of the moment: a fold outlives it.
type current struct{ querier }

func (b *build) inTx(ctx context.Context, fn func(ctx context.Context) error) error {
	return b.store.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		b.tx.querier = tx
		return fn(ctx)
	})
}

func (b *build) exec(ctx context.Context, query string, args ...any) error {
	_, err := b.tx.ExecContext(ctx, query, args...)
	return err
}
