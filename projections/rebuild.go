package projections

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"scrapelog/eventstore"
)

// Rebuild folds projections from the start of the log into fresh tables while the
// old ones go on serving, then swaps them in one transaction. It reads the log once for
// all of them. A crash in the middle leaves the old tables; the next rebuild drops what
// was begun. One rebuild runs at a time: another waits for it.
//
// progress, which may be nil, is told after each page how far the fold has come.
func Rebuild(ctx context.Context, store *eventstore.Store, names []string, progress func(done, head int64)) error {
	var all []Projection
	for _, name := range names {
		p, err := Find(name)
		if err != nil {
			return err
		}
		all = append(all, p)
	}
	unlock, err := lockBuilds(ctx, store)
	if err != nil {
		return fmt.Errorf("rebuild %s: %w", strings.Join(names, ", "), err)
	}
	defer unlock()
	return rebuild(ctx, store, all, PageSize, progress)
}

// build is a rebuild under way.
type build struct {
	of         []Projection
	rows       []folder // one for each projection
	store      *eventstore.Store
	pages      Pages
	progress   func(done, head int64)
	generation string
	tx         current
	done       int64 // the position that is folded
}

// rebuild is Rebuild under the lock of builds.
func rebuild(ctx context.Context, store *eventstore.Store, all []Projection, pageSize int, progress func(done, head int64)) error {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	wanted := func(wireName string) bool {
		return slices.ContainsFunc(all, func(p Projection) bool { return p.Wants(wireName) })
	}
	// The names of indexes, which the old ones still have, must be new ones.
	generation := fmt.Sprintf("_%d", time.Now().UnixMicro())
	b := &build{of: all, store: store, pages: Pages{store, pageSize, wanted}, progress: progress, generation: generation}
	for _, step := range []func(context.Context) error{b.begin, b.catchUp, b.write, b.index, b.swap} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("rebuild %s: %w", strings.Join(namesOf(all), ", "), err)
		}
	}
	return nil
}

// tables lists those of all projections.
func (b *build) tables() (all []table) {
	for _, p := range b.of {
		all = append(all, p.tables...)
	}
	return all
}

func (b *build) at() place {
	return place{querier: &b.tx, next: "_next", generation: b.generation, dialect: b.store.Dialect(), most: 20 * b.pages.Size}
}

// begin makes empty tables, in place of what an interrupted rebuild has left.
func (b *build) begin(ctx context.Context) error {
	return b.inTx(ctx, func(ctx context.Context) error {
		for _, table := range b.tables() {
			if err := b.exec(ctx, "DROP TABLE IF EXISTS "+table.name+"_next"); err != nil {
				return err
			}
			if err := b.exec(ctx, table.create(b.at())); err != nil {
				return err
			}
		}
		for _, p := range b.of {
			b.rows = append(b.rows, p.fold(b.at()))
		}
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

// add folds a page in the transaction of ctx. Of a table it writes a page of rows at
// once: a row that changes with every page is not written with every page.
func (b *build) add(ctx context.Context, next Page, head int64) error {
	for i, p := range b.of {
		if err := foldAll(ctx, b.rows[i], next.wantedBy(p), b.pages.Size); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	b.done = next.last()
	b.progress(b.done, head)
	return nil
}

// write writes what catchUp has left.
func (b *build) write(ctx context.Context) error { return b.inTx(ctx, b.flush) }

func (b *build) flush(ctx context.Context) error {
	for i, p := range b.of {
		if err := flush(ctx, b.rows[i], 1); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// index comes after the rows: filling a table that has its indexes costs more.
func (b *build) index(ctx context.Context) error {
	for _, table := range b.tables() {
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

// swap folds the rest while the consumer groups stand still, puts the fresh
// tables in the place of the old ones and lets the groups go on from there.
func (b *build) swap(ctx context.Context) error {
	return b.inTx(ctx, func(ctx context.Context) error {
		for _, p := range b.of {
			if err := b.exec(ctx, lockOffset, eventstore.Topic, p.name); err != nil {
				return err
			}
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

// finish folds and writes what is left in the transaction of ctx.
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
	return b.flush(ctx)
}

func (b *build) replace(ctx context.Context, head int64) error {
	for _, table := range b.tables() {
		if err := b.exec(ctx, "DROP TABLE IF EXISTS "+table.name); err != nil {
			return err
		}
		if err := b.exec(ctx, "ALTER TABLE "+table.name+"_next RENAME TO "+table.name); err != nil {
			return err
		}
	}
	for _, p := range b.of {
		if err := b.exec(ctx, setOffset, eventstore.Topic, p.name, head); err != nil {
			return err
		}
		if err := b.exec(ctx, setVersion, p.name, p.version); err != nil {
			return err
		}
	}
	return nil
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
