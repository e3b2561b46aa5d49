package proof

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/eventstore"
)

const (
	cosignaturesAdd = `INSERT INTO log_cosignatures (number, note, kept)
SELECT coalesce(max(number), 0) + 1, $1, $2 FROM log_cosignatures`
	cosignaturesClear  = `DELETE FROM log_cosignatures`
	cosignaturesLast   = `SELECT note FROM log_cosignatures WHERE kept = $1 ORDER BY number DESC LIMIT 1`
	cosignaturesList   = `SELECT number, note, kept FROM log_cosignatures ORDER BY number`
	cosignaturesNewest = `SELECT note FROM log_cosignatures ORDER BY number DESC LIMIT 1000`
)

// cosignedFile is where checkpoints that witnesses have signed are kept outside.
func (f Files) cosignedFile() string { return f.Checkpoints + ".witnessed" }

// KeepCosigned stores a checkpoint that a witness has signed, in the database and then in
// the file beside the copy outside. A crash between the two leaves the file behind by one,
// which the next call adds first.
func KeepCosigned(ctx context.Context, store *eventstore.Store, files Files, cosigned string) error {
	kept, last := keptIn(store.Dialect(), files.Checkpoints), ""
	err := store.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := takeTurn(ctx, store, tx); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, cosignaturesLast, kept).Scan(&last); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return unavailable(ctx, "cosignatures", err)
		}
		_, err := tx.ExecContext(ctx, cosignaturesAdd, cosigned, kept)
		return unavailable(ctx, "store cosignature", err)
	})
	file := outsideFile{files.cosignedFile()}
	if err == nil && last != "" {
		err = file.appendAll(last)
	}
	if err == nil {
		err = file.appendAll(cosigned)
	}
	return err
}

// Witnessed is what a witness is known to have seen.
type Witnessed struct {
	Witness string    `json:"witness"`
	Size    int64     `json:"size"`
	At      time.Time `json:"at"`
	Asked   bool      `json:"asked"` // just now, and not only kept here
}

// LastWitnessed returns the newest checkpoint in the database that the witness has signed;
// the zero value: there is none.
func LastWitnessed(ctx context.Context, store *eventstore.Store, w Witness) (seen Witnessed, err error) {
	err = eventstore.EachRow(ctx, store.Reader(), cosignaturesNewest, nil, func(row eventstore.Scanner) error {
		signed, err := eventstore.Value[string](row)
		if err != nil {
			return err
		}
		c, err := parseCheckpoint(signed)
		if at, ok := w.seen(signed, nil); err == nil && ok {
			seen = Witnessed{Witness: w.Name, Size: c.Size, At: at}
			return eventstore.ErrEnough
		}
		return nil
	})
	return seen, unavailable(ctx, "cosignatures", err)
}

// readCosigned reads the cosignatures in the file.
func (a *audit) readCosigned(files Files, witnesses []Witness) error {
	a.cosigned = newCosignatures(files, witnesses)
	if err := a.cosigned.collectOutside(false, a.void); err != nil {
		return fmt.Errorf("%w: checkpoints of witnesses: %w", eventstore.ErrUnavailable, err)
	}
	return nil
}

// void reports whether an acceptance came after a checkpoint: the log that was accepted
// need not have what witnesses had signed before.
func (a *audit) void(c Checkpoint) bool {
	for _, r := range a.claims.restored {
		if c.SealedAt.Before(r.At.Add(time.Second)) {
			return true
		}
	}
	return false
}

// claimWitnessed has the newest checkpoint that each witness has signed compared like one
// in the copy outside, and reports those that are not signed.
func (a *audit) claimWitnessed() {
	for _, w := range a.cosigned.witnesses {
		v, err := w.verifier()
		if err != nil {
			continue
		}
		var newest Witnessed
		for _, one := range a.cosigned.newest[signer{v.name, v.hash}] {
			at, ok := w.seen(one.note, a.claims.key)
			if !ok {
				a.unsignedBy(w.Name, one)
				continue
			}
			if one.Size >= newest.Size {
				newest = Witnessed{Witness: w.Name, Size: one.Size, At: at}
			}
			a.claims.list = append(a.claims.list, &claim{mark: mark{Checkpoint: one.Checkpoint, at: a.claims.since}, outside: true, checked: true, genuine: true})
		}
		if newest.Size > 0 {
			a.result.Witnessed = append(a.result.Witnessed, newest)
		}
	}
}

func (a *audit) unsignedBy(witness string, one cosigned) {
	where := "in the database"
	if one.outside {
		where = "in " + a.cosigned.file
	}
	a.report(CosignatureForged, Damage{}, "A checkpoint of %d events %s says that witness %s has signed it, and the log and the witness have not.", one.Size, where, witness)
}

// cosignaturesDiffer reports whether the two copies do not agree. An acceptance begins the
// one in the database again, and the other one passes over what is older.
func (a *audit) cosignaturesDiffer() bool {
	return slices.ContainsFunc(a.result.Damage, func(d Damage) bool {
		return d.Kind == CosignatureMissing || d.Kind == CosignatureForged || d.Kind == CosignedMissing
	})
}

// diagnoseWitnessed compares the two copies of what witnesses have signed.
func (a *audit) diagnoseWitnessed() {
	c := &a.cosigned
	onlyOutside, onlyInside := 0, 0
	for _, there := range c.outside {
		if !there {
			onlyOutside++
		}
	}
	for sum, one := range c.inside { // the newest may be one that a crash has kept from the file
		if one.kept == a.kept && sum != c.last[one.kept] {
			onlyInside++
		}
	}
	switch {
	case onlyOutside > 0 && onlyInside > 0:
		a.report(CosignatureForged, Damage{}, "The two copies of what witnesses have signed differ: %s has %d that the database has not, and the database %d that the file has not.", c.file, onlyOutside, onlyInside)
	case onlyOutside > 0:
		a.report(CosignatureMissing, Damage{}, "Cosignatures of witnesses are missing in the database, or were changed there: %s has %d more.", c.file, onlyOutside)
	case c.hole > 0 && c.rows > 0:
		a.report(CosignatureMissing, Damage{}, "Cosignatures of witnesses are missing in the database: number %d of %d was deleted.", c.hole, c.rows)
	case onlyInside == 0, a.copied: // a copy may end before the database does
	case c.absent:
		a.report(CosignedMissing, Damage{}, "The copy of the cosignatures of witnesses outside is missing: %s.", c.file)
	default:
		a.report(CosignedMissing, Damage{}, "Cosignatures of witnesses are missing in %s: the database has %d more.", c.file, onlyInside)
	}
}

// Consistency returns the proof that the tree of the first old events is a prefix of that
// of size, from the stored hashes (RFC 6962).
func Consistency(ctx context.Context, store *eventstore.Store, size, old int64) (tlog.TreeProof, error) {
	if old == 0 || old == size {
		return nil, nil
	}
	return tlog.ProveTree(size, old, storedHashes{ctx, store.Reader()})
}

// Contradict adds what a witness says against the log.
func (r *Result) Contradict(kind Kind, position int64, says string) {
	r.Damage = append([]Damage{{Kind: kind, Position: position, Says: says}}, r.Damage...)
	r.Verdict, r.Says, r.Advice = Damaged, "The log is damaged: "+lower(says), advice[kind]
}
