package proof

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// AcceptRestored declares on purpose that the log goes on from the present content of
// the database, because a backup was restored or the proof was lost, and seals it. It
// records an event and signs a checkpoint, outside and inside, which say what is given
// up: Restored.Superseded events had been signed, and the first Restored.Proven of them
// are still the same. Checkpoints of larger trees are void from then on, and every
// later verification reports that.
//
// No server may use the database. The error is domain.ErrConflict when there is nothing
// to accept or the log cannot be sealed.
func (s *Sealer) AcceptRestored(ctx context.Context, reason string) (Restored, error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	reason, err := oneLine(reason)
	if err != nil {
		return Restored{}, err
	}
	a := &audit{store: s.store, result: Result{File: s.files.Checkpoints}}
	if err := a.readOutside(ctx, s.files, nil); err != nil {
		return Restored{}, err
	}
	if _, err := a.run(ctx, Options{}); err != nil {
		return Restored{}, err
	}
	if err := a.acceptable(s.Refused()); err != nil {
		return Restored{}, err
	}
	if err := s.ownKey(); err != nil {
		return Restored{}, err
	}
	accepted := a.restored(reason, time.Now())
	if err := s.record(ctx, a, accepted); err != nil {
		return accepted, err
	}
	s.checked = false
	return accepted, s.sealAll(ctx)
}

// ownKey makes a key if the old one is lost, which is accepted as well.
func (s *Sealer) ownKey() error {
	if s.key != nil {
		return nil
	}
	key, err := ReadKey(s.files.Key)
	if absent(err) {
		if err := makeKey(s.files.Key); err != nil {
			return fmt.Errorf("%w: no key can be made: %w", eventstore.ErrUnavailable, err)
		}
		key, err = ReadKey(s.files.Key)
	}
	if err == nil && key.Signer == nil {
		err = fmt.Errorf("%w: %s holds no private key", eventstore.ErrUnavailable, s.files.Key)
	}
	s.key = key
	return err
}

func (a *audit) acceptable(refused string) error {
	switch {
	case a.result.Outside == OutsideFalse || a.result.Outside == OutsideUnsound:
		return fmt.Errorf("%w: %s was forged or garbled: give it another name, put back a copy of it if there is one, and try again", domain.ErrConflict, a.result.File)
	case a.misplaced.Count > 0 || a.present != a.head:
		return fmt.Errorf("%w: positions are missing in the log, and so it cannot be sealed: restore a backup first", domain.ErrConflict)
	case refused == "" && a.key != nil && a.result.Verdict == Intact:
		return fmt.Errorf("%w: there is nothing to accept: the log is the one that was sealed", domain.ErrConflict)
	}
	return nil
}

// restored returns what the acceptance gives up.
func (a *audit) restored(reason string, at time.Time) Restored {
	r := Restored{At: at.UTC().Truncate(time.Second), Reason: reason}
	failed := false // a checkpoint that holds after the first that fails was not signed by this sealer
	for _, c := range a.claims.list {
		r.Superseded = max(r.Superseded, c.Size)
		failed = failed || !c.events
		if !failed {
			r.Proven = c.Size
		}
	}
	return r
}

// sound reports whether hashes and checkpoints in the database can be kept.
func (a *audit) sound() bool {
	for _, c := range a.claims.list {
		if !c.outside && !c.events {
			return false
		}
	}
	if a.claims.hole > 0 || a.claims.lacks != nil || a.claims.edited != nil {
		return false
	}
	return !a.claims.unread && a.wrong() == neither && a.inner == 0 && !a.scattered && a.span >= tlog.StoredHashCount(a.tip.Size)
}

// tell records the acceptance as an event.
func (s *Sealer) tell(ctx context.Context, tx *sql.Tx, accepted Restored) error {
	return tellLog(ctx, s.store, tx, domain.LogAccepted{
		At: accepted.At, By: acceptedBy, Reason: accepted.Reason, Superseded: accepted.Superseded, Proven: accepted.Proven, Key: s.key.Fingerprint(),
	}, acceptedBy)
}

// acceptedBy is the actor of the event: only the command line accepts.
const acceptedBy = "cli"

// record signs the acceptance: a checkpoint of the tree that was signed last or, if its
// stored hashes are damaged, of the empty tree, after which everything is hashed again.
func (s *Sealer) record(ctx context.Context, a *audit, accepted Restored) error {
	place, err := s.outside.place()
	if err != nil {
		return err
	}
	accepted.Place = &place
	at := time.Now().UTC().Truncate(time.Microsecond)
	c := Checkpoint{Origin: s.key.Verifier.Name(), Size: a.tip.Size, Root: a.tip.Root, SealedAt: at, Kept: s.kept, Restored: &accepted}
	sound := a.sound()
	if !sound || c.Size == 0 {
		c.Size, c.Root = 0, new(frontier).root()
	}
	signed, err := c.sign(s.key.Signer)
	if err != nil {
		return err
	}
	err = s.store.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := s.tell(ctx, tx, accepted); err != nil {
			return err
		}
		if err := takeTurn(ctx, s.store, tx); err != nil {
			return err
		}
		if last, err := lastStored(ctx, tx); last.number != a.tip.number {
			return errors.Join(errOvertaken, err)
		}
		if a.cosignaturesDiffer() {
			if _, err := tx.ExecContext(ctx, cosignaturesClear); err != nil {
				return unavailable(ctx, "clear cosignatures", err)
			}
		}
		if !sound {
			if _, err := tx.ExecContext(ctx, checkpointsClear); err != nil {
				return unavailable(ctx, "clear checkpoints", err)
			}
		}
		return putCheckpoint(ctx, tx, signed, at)
	})
	if err != nil {
		return err
	}
	return s.outside.appendAt(signed, place.Length)
}
