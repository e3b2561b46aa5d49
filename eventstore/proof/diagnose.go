package proof

import (
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// diagnose turns the observations of the pass into findings.
func (a *audit) diagnose() {
	r := &a.result
	r.Head, r.Checkpoints, r.Restored = a.head, len(a.claims.list), a.claims.restored
	for _, outside := range []bool{true, false} {
		if proven := a.claims.last(outside, holds); proven != nil {
			if r.Root == "" || proven.Size > r.Sealed {
				r.Sealed, r.Root = proven.Size, proven.Root.String()
			}
		}
	}
	a.diagnoseEvents()
	a.diagnoseHashes()
	a.diagnoseInside()
	a.diagnoseOutside()
	a.diagnoseWitnessed()
	a.sealedSince()
	r.conclude(a.unsigned())
}

func holds(c *claim) bool  { return c.events }
func denied(c *claim) bool { return !c.events }

// unsigned returns why a log without damage is not proven either.
func (a *audit) unsigned() string {
	switch {
	case a.head == 0:
		return ""
	case a.result.Sealed == 0 && a.key == nil && a.claims.absent:
		return fmt.Sprintf("Nothing is known to be wrong, and nothing is proven: the %d events of the log are not sealed yet, or their key, checkpoints and copy outside were taken away.", a.head)
	case a.result.Sealed == 0:
		return fmt.Sprintf("Nothing is known to be wrong, and nothing is proven: the %d events of the log are not sealed yet; a server seals them, or \"scrapelog audit checkpoint\".", a.head)
	case a.key == nil:
		return "The log agrees with its checkpoints, whose signatures could not be looked at: the key of the log is not here."
	}
	return ""
}

func (a *audit) report(kind Kind, d Damage, says string, args ...any) {
	d.Kind, d.Says = kind, fmt.Sprintf(says, args...)
	a.result.Damage = append(a.result.Damage, d)
}

// diagnoseEvents finds the first bad position.
func (a *audit) diagnoseEvents() {
	bad := a.claims.first(true, denied)
	if bad == nil {
		bad = a.claims.first(false, denied)
	}
	signed := a.signed()
	switch {
	case a.wrong() == theEvents:
		a.classify()
	case signed > a.head && (bad == nil || bad.Size > a.head):
		a.cutTail(signed)
	case bad != nil:
		a.rewritten(bad)
	}
	found := a.result.Damage
	if signed > a.head && len(found) > 0 && found[0].Kind != CutTail && found[0].Kind != Missing {
		a.cutTail(signed)
	}
	if len(found) > 0 {
		return
	}
	if a.gap.Count > 0 {
		a.report(Missing, a.gap, "No event is at position %d, and later ones are there: what was not signed yet has a gap.", a.gap.Position)
	}
	if a.misplaced.Count > 0 {
		a.report(Inserted, a.misplaced, "An event was inserted at position %d, where none can be.", a.misplaced.Position)
	}
	if a.uncounted { // the whole log is verified then
		a.report(Missing, Damage{Last: a.result.Since}, "The first %d positions do not have one event each.", a.result.Since)
	}
}

// signed returns how many events were signed, by the genuine checkpoints.
func (a *audit) signed() (size int64) {
	for _, outside := range []bool{true, false} {
		if c := a.claims.last(outside, every); c != nil {
			size = max(size, c.Size)
		}
	}
	return size
}

// side says whether the events or the stored hashes disagree with what was signed.
type side int

const (
	neither side = iota
	theEvents
	theHashes
	both
)

// wrong returns which side is wrong at the first difference of events and stored
// hashes. The checkpoint that covers the position decides, one outside if there is one;
// without a genuine one the stored hash counts.
func (a *audit) wrong() side {
	if len(a.faults) == 0 {
		return neither
	}
	covers := func(c *claim) bool { return c.Size >= a.faults[0].position }
	for _, outside := range []bool{true, false} {
		switch c := a.claims.first(outside, covers); {
		case c == nil:
		case c.stored:
			return theEvents
		case c.events:
			return theHashes
		default:
			return both
		}
	}
	return theEvents
}

func (a *audit) cutTail(signed int64) {
	text := "The end of the log was cut off: %d events were signed, and after position %d there are none."
	if a.tip.number > 0 && a.tip.Size <= a.head && a.span == tlog.StoredHashCount(a.tip.Size) {
		text = "The end of the log was cut off, or an older copy of the database was put back: %d events were signed, and after position %d there are none."
	}
	a.report(CutTail, Damage{Position: a.head + 1, Count: signed - a.head}, text, signed, a.head)
}

// rewritten reports events that agree with their stored hashes and not with
// what was signed: only the checkpoints around tell where.
func (a *audit) rewritten(bad *claim) {
	from := a.result.Since + 1
	if good := a.claims.last(bad.outside, func(c *claim) bool { return c.events && c.Size < bad.Size }); good != nil {
		from = max(from, good.Size+1)
	}
	how := "the stored hashes were computed again"
	switch {
	case a.claims.first(false, func(c *claim) bool { return c.events && c.Size >= bad.Size }) != nil:
		how = "the checkpoints in the database were signed again, so the attacker has the key of the log, which must be replaced"
	case a.wrong() == both || a.inner > 0:
		how = "its stored hashes are not theirs either"
	}
	a.report(Rewritten, Damage{Position: from, Last: bad.Size},
		"The log was rewritten somewhere from position %d to %d: its events are not those that were signed; %s.", from, bad.Size, how)
}

// classify says what happened at the first position that is not as it was
// signed, by looking for its event, and for the home of the one that is there.
func (a *audit) classify() {
	f := a.faults[0]
	d := Damage{Position: f.position, Count: a.count}
	found, home := a.whereabouts(f), a.home(f)
	switch {
	case f.event == nil && found != nil:
		a.report(Renumbered, d, "The event of position %d was renumbered: it stands at position %d.", f.position, found.position())
	case f.event == nil && a.head < f.position && len(a.strangers) == 0:
		a.cutTail(a.hashed)
	case f.event == nil:
		a.report(Missing, d, "The event at position %d is missing: it was deleted.", f.position)
	case found != nil && home > 0:
		a.report(Reordered, d, "Events were reordered: the one at position %d was signed at position %d, and its own stands at %d.", f.position, home, found.position())
	case found != nil:
		a.report(Inserted, d, "An event was inserted at position %d: the one that was signed there stands at position %d.", f.position, found.position())
	case home > 0:
		a.report(Missing, d, "The event at position %d is missing: it was deleted, and the one of position %d moved into its place.", f.position, home)
	default:
		a.report(Edited, d, "The event at position %d was edited: it is not the one that was signed there.", f.position)
	}
}

// whereabouts returns the event that was signed at the position of a fault.
func (a *audit) whereabouts(f fault) leaf {
	for _, other := range a.faults[1:] {
		if other.event != nil && other.event.at(f.position) == f.stored {
			return other.event
		}
	}
	for _, l := range a.strangers {
		if l.at(f.position) == f.stored {
			return l
		}
	}
	return nil
}

// home returns the position at which the event of a fault was signed; 0 if it never
// was.
func (a *audit) home(f fault) int64 {
	if f.event == nil {
		return 0
	}
	for _, other := range a.faults[1:] {
		if f.event.at(other.position) == other.stored {
			return other.position
		}
	}
	return 0
}

func (a *audit) diagnoseHashes() {
	position, count := a.inner, int64(0)
	if a.wrong() == theHashes {
		position, count = a.faults[0].position, a.count
	}
	switch {
	case position > 0:
		a.report(HashesDamaged, Damage{Position: position, Count: count}, "The stored hashes of position %d are not those of its event.", position)
	case a.scattered:
		a.report(HashesDamaged, Damage{Position: a.hashed + 1}, "Hashes are stored where no event has any, past position %d.", a.hashed)
	case a.span < tlog.StoredHashCount(a.tip.Size):
		a.report(HashesDamaged, Damage{Position: a.hashed + 1, Count: a.tip.Size - a.hashed}, "The stored hashes from position %d on are missing.", a.hashed+1)
	}
}

// diagnoseInside looks for checkpoints that were forged, put back or taken away.
func (a *audit) diagnoseInside() {
	if a.claims.unread || a.claims.forged(false) || a.key != nil && a.tip.number > 0 && !verified(a.tip.note, a.key.Verifier) {
		a.report(CheckpointForged, Damage{}, "A checkpoint in the database was not signed with the key of this log.")
		return
	}
	newest := a.claims.last(true, holds)
	switch {
	case newest != nil && newest.Size > a.tip.Size:
		a.report(CheckpointRolledBack, Damage{Position: a.tip.Size + 1, Last: newest.Size},
			"An old checkpoint was put back: the newest in the database covers %d events, the one outside %d, and they are there.", a.tip.Size, newest.Size)
	case a.span > tlog.StoredHashCount(a.tip.Size):
		a.report(CheckpointRolledBack, Damage{Position: a.tip.Size + 1, Last: a.hashed},
			"An old checkpoint was put back: the newest in the database covers %d events, and the hashes of %d are stored.", a.tip.Size, a.hashed)
	case a.claims.edited != nil:
		c := a.claims.edited
		a.report(CheckpointForged, Damage{}, "The time of a checkpoint in the database was edited: that of %d events was signed at %s, and the database says %s.",
			c.Size, c.SealedAt.Format(time.RFC3339Nano), c.column.Format(time.RFC3339Nano))
	case a.claims.hole > 0 && a.tip.number > 0:
		a.report(CheckpointMissing, Damage{}, "Checkpoints are missing in the database: number %d of %d was deleted.", a.claims.hole, a.claims.rows)
	case a.claims.lacks != nil:
		a.report(CheckpointMissing, Damage{Position: a.claims.lacks.Size}, "Checkpoints are missing in the database: the copy outside has that of %d events.", a.claims.lacks.Size)
	}
}

func (a *audit) diagnoseOutside() {
	fault := a.claims.state.fault
	a.result.Outside = OutsidePresent
	switch {
	case a.claims.absent:
		a.result.Outside = OutsideAbsent
		if a.claims.inside > 0 || a.claims.unread || a.key != nil { // a log has a copy outside from its key on
			a.report(OutsideMissing, Damage{}, "The copy of the checkpoints outside is missing: without it a database that was rewritten as a whole cannot be told from the true one.")
		}
	case fault != nil:
		a.result.Outside = map[Kind]Outside{OutsideForged: OutsideFalse, OutsideGarbled: OutsideUnsound}[fault.Kind]
		a.report(fault.Kind, Damage{}, "%s", fault.Says)
	case a.claims.forged(true):
		a.result.Outside = OutsideFalse
		a.report(OutsideForged, Damage{}, "The copy of the checkpoints outside holds one that was not signed with the key of this log.")
	case a.claims.junk():
		a.result.Outside = OutsideFalse
		a.report(OutsideForged, Damage{}, "The copy of the checkpoints outside holds no checkpoint.")
	case a.late && !a.copied:
		a.result.Outside = OutsideShort
		a.report(OutsideBehind, Damage{Position: a.claims.state.last.Size + 1}, "The copy of the checkpoints outside ends with that of %d events, and the database has later ones: it was cut, or an old copy was put there.", a.claims.state.last.Size)
	}
}

// sealedSince returns when the log was first sealed, as far as is known.
func (a *audit) sealedSince() {
	first := a.claims.state.first.SealedAt
	for _, c := range a.claims.list {
		if !c.outside && (first.IsZero() || c.column.Before(first)) {
			first = c.column
		}
	}
	a.result.FirstSealedAt = first
	if a.key != nil {
		a.result.Fingerprint = a.key.Fingerprint()
	}
}
