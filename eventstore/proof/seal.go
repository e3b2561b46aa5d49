package proof

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/eventstore"
)

// sealLock names the advisory lock under which instances take turns. Changing
// it lets an older program seal beside a newer one.
const sealLock int64 = 0x7363726170657365

// Seal signs everything that has come since the last checkpoint. The error is a
// *Refusal when the log does not follow from it.
func (s *Sealer) Seal(ctx context.Context) error {
	s.turn.Lock()
	defer s.turn.Unlock()
	return s.sealAll(ctx)
}

func (s *Sealer) sealAll(ctx context.Context) error {
	for {
		more, err := false, s.haveKey(ctx)
		if err == nil {
			more, err = s.sealBatch(ctx)
		}
		if err := s.keep(ctx, err); err != nil || !more {
			return err
		}
	}
}

// haveKey looks for the key until there is one.
func (s *Sealer) haveKey(ctx context.Context) error {
	if s.key != nil {
		return nil
	}
	return s.loadKey(ctx)
}

// Check is Seal without sealing: it compares the log with its last checkpoints
// and brings the outside copy up to date.
func (s *Sealer) Check(ctx context.Context) error {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.outside.forget() // all of the file is read
	err := s.haveKey(ctx)
	if err == nil {
		var t tip
		if t, err = s.tip(ctx, s.store.Reader()); err == nil {
			s.sealed(t.storedCheckpoint)
		}
	}
	err = s.keep(ctx, err)
	var refused *Refusal
	if errors.As(err, &refused) || errors.Is(err, errStandingBy) {
		return nil
	}
	return err
}

// sealBatch stores the hashes of at most one batch together with the checkpoint
// that covers them, then writes that outside. A crash in between leaves the
// outside copy behind by one, which the next batch makes good before it signs.
func (s *Sealer) sealBatch(ctx context.Context) (more bool, err error) {
	var b *batch
	if s.store.Dialect() == eventstore.Postgres {
		err = s.store.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
			if err := takeTurn(ctx, s.store, tx); err != nil {
				return err
			}
			if b, err = s.next(ctx, tx); err != nil || b == nil {
				return err
			}
			return b.store(ctx, tx, s.store.Dialect())
		})
	} else {
		// The one writer of SQLite is held for the writing alone.
		if b, err = s.next(ctx, s.store.Reader()); err == nil && b != nil {
			err = s.store.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return b.store(ctx, tx, s.store.Dialect()) })
		}
	}
	if err != nil || b == nil {
		return false, err
	}
	s.sealed(b.checkpoint)
	if s.signed != nil {
		s.signed(b.checkpoint.Checkpoint, b.checkpoint.note)
	}
	return b.full, s.outside.append(b.checkpoint.note)
}

// takeTurn waits until no other instance seals, and keeps them waiting until the
// transaction ends.
func takeTurn(ctx context.Context, store *eventstore.Store, tx *sql.Tx) error {
	if store.Dialect() != eventstore.Postgres {
		return nil
	}
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, sealLock)
	return unavailable(ctx, "lock for sealing", err)
}

// batch is the next piece of the tree, computed and signed.
type batch struct {
	after      storedCheckpoint
	row        int64       // where the hashes begin: with the row that was last
	hashes     []tlog.Hash // of that row, then the new ones
	checkpoint storedCheckpoint
	full       bool
}

// next computes the next batch; nil: there is nothing to seal.
func (s *Sealer) next(ctx context.Context, q eventstore.Querier) (*batch, error) {
	t, err := s.tip(ctx, q)
	if err != nil {
		return nil, err
	}
	s.sealed(t.storedCheckpoint)
	var l leaves
	if err := readEvents(ctx, q, s.store.Dialect(), t.Size, math.MaxInt64, s.batch, l.add); err != nil || l.len() == 0 {
		return nil, err
	}
	b := &batch{after: t.storedCheckpoint, full: l.len() == s.batch}
	next := tlog.StoredHashCount(t.Size)
	b.row = rowOf(next)
	if b.hashes, err = (storedHashes{ctx, q}).read(b.row, next, nil); err != nil {
		return nil, err
	}
	for n := range l.len() {
		if at := l.at(n).position(); at != t.frontier.size+1 {
			return nil, refuse("Position %d of the log is missing: after %d comes %d. Run \"scrapelog events verify\".", t.frontier.size+1, t.frontier.size, at)
		}
		b.hashes = t.frontier.push(l.at(n).hash(), b.hashes)
	}
	b.checkpoint.sealedAt = time.Now().UTC().Truncate(time.Microsecond)
	b.checkpoint.Checkpoint = s.checkpoint(t.frontier, b.checkpoint.sealedAt)
	b.checkpoint.note, err = b.checkpoint.sign(s.key.Signer)
	return b, err
}

// checkpoint returns the statement of this process about a tree.
func (s *Sealer) checkpoint(f *frontier, at time.Time) Checkpoint {
	return Checkpoint{Origin: s.key.Verifier.Name(), Size: f.size, Root: f.root(), SealedAt: at, Kept: s.kept}
}

var errOvertaken = errors.New("another process has sealed meanwhile")

func (b *batch) store(ctx context.Context, tx *sql.Tx, dialect eventstore.Dialect) error {
	last, err := lastStored(ctx, tx)
	if err != nil {
		return err
	}
	if last.number != b.after.number {
		return errOvertaken
	}
	if err := putHashes(ctx, tx, dialect, b.row, b.hashes); err != nil {
		return err
	}
	return putCheckpoint(ctx, tx, b.checkpoint.note, b.checkpoint.sealedAt)
}
