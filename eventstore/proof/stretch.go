package proof

import (
	"context"
	"runtime"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"scrapelog/eventstore"
)

// stretchLength is how many positions are read at once.
const stretchLength = 1024

// mostReaders leaves connections of the read pool to others.
const mostReaders = 3

// stretch is a piece of the log that has stored hashes: those events of its
// positions that are there, hashed, and what is stored about all of them.
type stretch struct {
	after, until int64
	leaves       leaves
	hashes       []tlog.Hash
	stored       []tlog.Hash
	ready        chan struct{}
}

// stretcher reads stretches with several workers, each in its own transaction,
// and hands them out in order. The first worker uses the transaction it is
// given, and does all the work if no other connection is free.
//
// On PostgreSQL all transactions share one snapshot. On SQLite those of the
// other workers may see a later state: in the rows they read, which are never
// changed, there is no difference.
type stretcher struct {
	store    *eventstore.Store
	tx       *snapshot
	trusted  int64  // up to here the stored hashes are taken for those of the events
	snapshot string // PostgreSQL: what the transactions share
	todo     chan *stretch
	ordered  chan *stretch
	pool     sync.Pool
}

func newStretcher(ctx context.Context, store *eventstore.Store, tx *snapshot, trusted int64) (*stretcher, error) {
	s := &stretcher{
		store: store, tx: tx, trusted: trusted, todo: make(chan *stretch), ordered: make(chan *stretch, 4*mostReaders),
		pool: sync.Pool{New: func() any { return new(stretch) }},
	}
	if store.Dialect() == eventstore.Postgres {
		if err := tx.QueryRowContext(ctx, `SELECT pg_export_snapshot()`).Scan(&s.snapshot); err != nil {
			return nil, unavailable(ctx, "share the snapshot", err)
		}
	}
	return s, nil
}

// run yields the stretches of the positions after one and up to another.
func (s *stretcher) run(ctx context.Context, after, until int64, yield func(*stretch)) error {
	group, ctx := errgroup.WithContext(ctx)
	needed, done := context.WithCancel(ctx)
	group.Go(func() error { return s.divide(ctx, after, until) })
	group.Go(func() error { return s.read(ctx, s.tx) })
	for range min(runtime.GOMAXPROCS(0), mostReaders) - 1 {
		group.Go(func() error { return s.help(ctx, needed) })
	}
	group.Go(func() error {
		defer done()
		return s.each(ctx, yield)
	})
	return group.Wait()
}

func (s *stretcher) divide(ctx context.Context, after, until int64) error {
	defer close(s.ordered)
	defer close(s.todo)
	for after < until {
		next := s.pool.Get().(*stretch)
		next.after, next.until, next.ready = after, s.end(after, until), make(chan struct{})
		for _, to := range []chan *stretch{s.ordered, s.todo} {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case to <- next:
			}
		}
		after = next.until
	}
	return nil
}

// end is where a stretch ends: no stretch is trusted in part.
func (s *stretcher) end(after, until int64) int64 {
	if after < s.trusted {
		until = min(until, s.trusted)
	}
	return min(after+stretchLength, until)
}

func (s *stretcher) each(ctx context.Context, yield func(*stretch)) error {
	for next := range s.ordered {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-next.ready:
		}
		yield(next)
		s.pool.Put(next)
	}
	return nil
}

// help reads with another connection, if one is free before all is done.
func (s *stretcher) help(ctx, needed context.Context) error {
	tx, err := newSnapshot(needed, s.store)
	if needed.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	defer tx.close()
	if s.snapshot != "" {
		if _, err := tx.ExecContext(ctx, `SET TRANSACTION SNAPSHOT '`+s.snapshot+`'`); err != nil {
			return unavailable(ctx, "share the snapshot", err)
		}
	}
	return s.read(ctx, tx)
}

// read reads stretches until none is left. A context that may end costs a goroutine per
// statement on SQLite, so it is looked at in between.
func (s *stretcher) read(ctx context.Context, tx *snapshot) error {
	whole := context.WithoutCancel(ctx)
	for next := range s.todo {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := next.read(whole, tx, next.until <= s.trusted); err != nil {
			return err
		}
		close(next.ready)
	}
	return nil
}

// read reads what is stored about the stretch and, unless it is trusted, its events.
func (s *stretch) read(ctx context.Context, tx *snapshot, trusted bool) (err error) {
	s.leaves.reset()
	s.hashes = s.hashes[:0]
	s.stored, err = storedHashes{ctx, tx}.read(tlog.StoredHashCount(s.after), tlog.StoredHashCount(s.until), s.stored)
	if err != nil || trusted {
		return err
	}
	if err := s.leaves.read(ctx, tx, s.after, s.until, 2*stretchLength); err != nil {
		return err
	}
	for n := range s.leaves.len() {
		s.hashes = append(s.hashes, s.leaves.at(n).hash())
	}
	return nil
}
