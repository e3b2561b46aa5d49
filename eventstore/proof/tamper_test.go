package proof

import (
	"slices"
	"strings"
	"testing"

	"scrapelog/eventstore/eventstoretest"
)

// tampering is a change by an owner of the database who does not have the key, and
// what is found. The log it is done to has checkpoints of 10, 20, 30, 40 and 44
// events and two events more that are not signed yet.
type tampering struct {
	does  func(l *log)
	finds []Kind // with the copy outside
	at    int64  // the first bad position
	// what is found without that copy; nil: the same; empty: nothing, as the
	// documentation says
	alone []Kind
}

// Positions move by way of negative numbers: they are unique at every moment.
var (
	shiftUp   = []string{`UPDATE events SET position = -position WHERE position >= 17`, `UPDATE events SET position = 1 - position WHERE position < 0`}
	shiftDown = []string{`UPDATE events SET position = -position WHERE position > 17`, `UPDATE events SET position = -position - 1 WHERE position < 0`}
	swap      = []string{`UPDATE events SET position = -1 WHERE position = 17`, `UPDATE events SET position = 17 WHERE position = 23`, `UPDATE events SET position = 23 WHERE position = -1`}
	rotate    = []string{`UPDATE events SET position = -1 WHERE position = 17`, `UPDATE events SET position = 17 WHERE position = 23`,
		`UPDATE events SET position = 23 WHERE position = 31`, `UPDATE events SET position = 31 WHERE position = -1`}
	insert = `INSERT INTO events (position, stream, version, id, type, data, metadata, recorded_at)
		VALUES (17, 'run-x', 1, '018f0000-0000-7000-8000-000000000000', 'run.started', '{}', '{}', 0)`
	edit    = `UPDATE events SET data = '{"edited":true}' WHERE position = 17`
	cut     = `DELETE FROM events WHERE position > 35`
	cutHash = `DELETE FROM log_hashes WHERE i >= 64` // those of 33 events are left
)

func owner(statements ...string) func(*log) { return func(l *log) { l.own(statements...) } }

// rollBack makes the database one that was sealed up to 30 events, all of which
// and more are still there.
var rollBack = []string{`DELETE FROM log_checkpoints WHERE number > 3`, `DELETE FROM log_hashes WHERE i > 32`,
	`UPDATE log_hashes SET hashes = substr(hashes, 1, 768) WHERE i = 32`} // 56 hashes are left

var tamperings = map[string]tampering{
	"edit of the data":        {does: owner(edit), at: 17, finds: []Kind{Edited}},
	"edit of the metadata":    {does: owner(`UPDATE events SET metadata = '{"actor":"user:eve"}' WHERE position = 17`), at: 17, finds: []Kind{Edited}},
	"edit of white space":     {does: owner(`UPDATE events SET metadata = ' {"actor":"user:ann"}' WHERE position = 19`), at: 19, finds: []Kind{Edited}},
	"edit of the time":        {does: owner(`UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 1`), at: 1, finds: []Kind{Edited}},
	"edit of the type":        {does: owner(`UPDATE events SET type = 'run.failed' WHERE position = 44`), at: 44, finds: []Kind{Edited}},
	"edit of the id":          {does: owner(`UPDATE events SET id = '018f0000-0000-7000-8000-000000000000' WHERE position = 30`), at: 30, finds: []Kind{Edited}},
	"edit of the stream":      {does: owner(`UPDATE events SET stream = 'run-x' WHERE position = 31`), at: 31, finds: []Kind{Edited}},
	"renumbering of versions": {does: owner(`UPDATE events SET version = version + 7 WHERE position IN (17, 18)`), at: 17, finds: []Kind{Edited}},
	"edit here and there":     {does: owner(edit, `UPDATE events SET recorded_at = 0 WHERE position IN (3, 40)`), at: 3, finds: []Kind{Edited}},

	"delete":                        {does: owner(`DELETE FROM events WHERE position = 17`), at: 17, finds: []Kind{Missing}},
	"delete of the first":           {does: owner(`DELETE FROM events WHERE position = 1`), at: 1, finds: []Kind{Missing}},
	"delete of several":             {does: owner(`DELETE FROM events WHERE position BETWEEN 17 AND 21`), at: 17, finds: []Kind{Missing}},
	"delete, those after moved up":  {does: owner(slices.Concat([]string{`DELETE FROM events WHERE position = 17`}, shiftDown)...), at: 17, finds: []Kind{Missing}},
	"delete, the last moved there":  {does: owner(`DELETE FROM events WHERE position = 17`, `UPDATE events SET position = 17 WHERE position = 44`), at: 17, finds: []Kind{Missing}},
	"delete, another written there": {does: owner(`DELETE FROM events WHERE position = 17`, insert), at: 17, finds: []Kind{Edited}},

	"insert, those after moved down": {does: owner(slices.Concat(shiftUp, []string{insert})...), at: 17, finds: []Kind{Inserted}},
	"insert before the first":        {does: owner(strings.Replace(insert, "17", "-3", 1)), at: -3, finds: []Kind{Inserted}},

	"reorder of two":          {does: owner(swap...), at: 17, finds: []Kind{Reordered}},
	"reorder of three":        {does: owner(rotate...), at: 17, finds: []Kind{Reordered}},
	"renumbering of one":      {does: owner(`UPDATE events SET position = 1017 WHERE position = 17`), at: 17, finds: []Kind{Renumbered}},
	"renumbering below zero":  {does: owner(`UPDATE events SET position = -17 WHERE position = 17`), at: 17, finds: []Kind{Renumbered}},
	"renumbering of the rest": {does: owner(shiftUp...), at: 17, finds: []Kind{Renumbered}},

	"tail cut": {does: owner(cut), at: 36, finds: []Kind{CutTail}},
	"tail cut, with hashes and checkpoints": {does: owner(`DELETE FROM events WHERE position > 30`, rollBack[0], rollBack[1], rollBack[2]), at: 31,
		finds: []Kind{CutTail}, alone: []Kind{}},
	"tail cut and an edit": {does: owner(edit, cut), at: 17, finds: []Kind{Edited, CutTail}},
	"everything deleted": {does: owner(`DELETE FROM events`, `DELETE FROM log_hashes`, `DELETE FROM log_checkpoints`), at: 1,
		finds: []Kind{CutTail}, alone: []Kind{}},

	"re-hash": {does: func(l *log) { owner(edit)(l); l.rehash() }, at: 11, finds: []Kind{Rewritten}},
	"re-hash, with an edit that was not": {does: func(l *log) {
		owner(edit)(l)
		l.rehash()
		l.own(`UPDATE events SET recorded_at = 0 WHERE position = 30`)
	}, at: 11,
		finds: []Kind{Rewritten}},
	"re-hash, and another key for the checkpoints": {does: func(l *log) { owner(edit)(l); l.rehash(); l.resign(l.stranger()) }, at: 11,
		finds: []Kind{Rewritten, CheckpointForged}, alone: []Kind{CheckpointForged}},
	"rewrite with the stolen key": {does: func(l *log) { owner(edit)(l); l.rehash(); l.resign(l.sealer.key.Signer) }, at: 11,
		finds: []Kind{Rewritten}, alone: []Kind{}},
	"rewrite with the stolen key, and the tail cut": {does: func(l *log) {
		owner(edit, `DELETE FROM events WHERE position > 30`, rollBack[0])(l)
		l.rehash()
		l.resign(l.sealer.key.Signer)
	}, at: 11, finds: []Kind{Rewritten, CutTail}, alone: []Kind{}},

	"stored hash of an event edited": {does: func(l *log) { l.spoil(31) }, at: 17, finds: []Kind{HashesDamaged}},
	"stored inner hash edited":       {does: func(l *log) { l.spoil(2) }, at: 2, finds: []Kind{HashesDamaged}},
	"stored hashes deleted":          {does: owner(cutHash), at: 34, finds: []Kind{HashesDamaged}},
	"hashes stored far away":         {does: owner(`INSERT INTO log_hashes SELECT 1152921504606846976, hashes FROM log_hashes WHERE i = 0`), at: 45, finds: []Kind{HashesDamaged}},
	"an event stored far away":       {does: owner(`UPDATE events SET position = 1152921504606846976 WHERE position = 46`), at: 46, finds: []Kind{Missing}},
	"some stored hashes deleted":     {does: owner(`DELETE FROM log_hashes WHERE i = 32`), at: 18, finds: []Kind{HashesDamaged}},

	"old checkpoint put back":              {does: owner(rollBack[0]), at: 31, finds: []Kind{CheckpointRolledBack}},
	"old checkpoint put back, with hashes": {does: owner(rollBack...), at: 31, finds: []Kind{CheckpointRolledBack}, alone: []Kind{}},
	"old checkpoint over the newest": {does: owner(`UPDATE log_checkpoints SET note = (SELECT note FROM log_checkpoints WHERE number = 3) WHERE number = 5`), at: 31,
		finds: []Kind{CheckpointRolledBack}},
	"checkpoints deleted":  {does: owner(`DELETE FROM log_checkpoints`), at: 1, finds: []Kind{CheckpointRolledBack}},
	"a checkpoint deleted": {does: owner(`DELETE FROM log_checkpoints WHERE number = 3`), finds: []Kind{CheckpointMissing}},
	"the first checkpoints deleted, the rest renumbered": {does: owner(`DELETE FROM log_checkpoints WHERE number < 3`, `UPDATE log_checkpoints SET number = number + 100`, `UPDATE log_checkpoints SET number = number - 102`), at: 10,
		finds: []Kind{CheckpointMissing}, alone: []Kind{}},
	"time of a checkpoint edited": {does: owner(`UPDATE log_checkpoints SET sealed_at = sealed_at + 1000000 WHERE number = 2`), finds: []Kind{CheckpointForged}},
	"checkpoint garbled":          {does: owner(`UPDATE log_checkpoints SET note = 'x' WHERE number = 5`), finds: []Kind{CheckpointForged}},
	"checkpoint forged": {does: func(l *log) { l.own(`DELETE FROM log_checkpoints WHERE number = 5`); l.put(l.sign(l.stranger(), 44)) },
		finds: []Kind{CheckpointForged}},
}

func TestTampering(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newSealedLog(t, db)
		l.keep()
		for name, tampering := range tamperings {
			t.Run(name, func(t *testing.T) {
				l := *l
				l.T = t
				defer l.putBack()
				tampering.does(&l)
				tampering.found(&l)
			})
		}
	})
}

func newSealedLog(t *testing.T, db eventstoretest.Database) *log {
	l := newLog(t, db)
	l.append(20)
	l.seal()
	l.append(2)
	l.seal()
	l.append(1)
	l.mustBe(l.verify(), Intact)
	return l
}

// found looks at the log with the copy outside present, forged and missing.
func (tampered tampering) found(l *log) {
	r := l.verify()
	l.mustBe(r, Damaged, tampered.finds...)
	if len(r.Damage) > 0 && r.Damage[0].Position != tampered.at {
		l.Errorf("first bad position %d, want %d", r.Damage[0].Position, tampered.at)
	}
	l.Log(r.Text())

	alone := tampered.alone
	if alone == nil {
		alone = tampered.finds
	}
	l.forgeOutside(l.stranger())
	l.mustBe(l.verify(), Damaged, append(slices.Clone(alone), OutsideForged)...)

	l.removeOutside()
	verdict := Damaged
	if len(alone) == 0 {
		verdict = Unproven
	}
	l.mustBe(l.verify(), verdict, append(slices.Clone(alone), OutsideMissing)...)
}
