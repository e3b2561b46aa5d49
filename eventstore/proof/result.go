package proof

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind is what happened to a log.
type Kind string

// The kinds of damage, first those of the events.
const (
	Edited     Kind = "edited"     // an event is not as it was signed
	Missing    Kind = "missing"    // an event is gone, whether or not those after it moved up
	Inserted   Kind = "inserted"   // an event stands where another one was signed
	Reordered  Kind = "reordered"  // an event changed places with others
	Renumbered Kind = "renumbered" // an event stands at another position, and its own is empty
	CutTail    Kind = "cut_tail"   // the last signed events are gone
	Rewritten  Kind = "rewritten"  // the events and their stored hashes agree, and not with what was signed

	// HashesDamaged: the events are as they were signed, their stored hashes are not.
	HashesDamaged Kind = "hashes_damaged"
	// CheckpointRolledBack: the events are as they were signed, and the database
	// denies that the last of them were: an old checkpoint was put back.
	CheckpointRolledBack Kind = "checkpoint_rolled_back"
	// CheckpointForged: a checkpoint in the database was not signed with the key
	// of this log.
	CheckpointForged Kind = "checkpoint_forged"
	// CheckpointMissing: checkpoints were deleted from the database.
	CheckpointMissing Kind = "checkpoint_missing"
	// SchemaChanged: a table, trigger or function of the database is not as the
	// migrations made it.
	SchemaChanged Kind = "schema_changed"
	// OffsetPastEnd: a consumer group would pass over what comes next.
	OffsetPastEnd Kind = "offset_past_end"
	// GuardEdited: a guard row, from which decisions are made, is not what the log says.
	GuardEdited Kind = "guard_edited"
	// WitnessAhead: a witness has signed more events than the log has.
	WitnessAhead Kind = "witness_ahead"
	// WitnessRefused: the log does not follow from what a witness has signed.
	WitnessRefused Kind = "witness_refused"
	// CosignatureMissing: the database lacks what a witness has signed and the file
	// outside has.
	CosignatureMissing Kind = "cosignature_missing"
	// CosignatureForged: a checkpoint names a witness that has not signed it.
	CosignatureForged Kind = "cosignature_forged"
	// CosignedMissing: the file outside lacks what a witness has signed and the database
	// has.
	CosignedMissing Kind = "cosigned_missing"
	// OutsideForged: the copy outside holds a note that was not signed with that key, or a
	// genuine note at another place than the one it was signed for.
	OutsideForged Kind = "outside_forged"
	// OutsideGarbled: the copy outside holds text that no sealer writes.
	OutsideGarbled Kind = "outside_garbled"
	// OutsideBehind: the copy outside ends before the database's own checkpoints, so
	// that a database that was cut back between the two cannot be told from the true one.
	OutsideBehind Kind = "outside_behind"
	// OutsideMissing: there is no copy outside, so that a log which was rewritten
	// together with everything in the database cannot be told from the true one.
	OutsideMissing Kind = "outside_missing"
)

// Damage is one finding about a log.
type Damage struct {
	Kind     Kind   `json:"kind"`
	Position int64  `json:"position,omitempty"` // the first bad one
	Last     int64  `json:"last,omitempty"`     // the first bad one is somewhere up to this one
	Count    int64  `json:"count,omitempty"`    // how many positions are not as they were signed
	Says     string `json:"says"`               // a sentence
}

// Verdict sums a verification up.
type Verdict string

// The verdicts.
const (
	Intact   Verdict = "intact"   // everything that was signed is as it was signed
	Unproven Verdict = "unproven" // nothing wrong was found, and what would have shown it is missing
	Damaged  Verdict = "damaged"
)

// Outside is the state of the copy outside the database.
type Outside string

// The states of the copy outside.
const (
	OutsidePresent Outside = "present"
	OutsideAbsent  Outside = "missing"
	OutsideFalse   Outside = "forged"
	OutsideUnsound Outside = "garbled"
	OutsideShort   Outside = "behind"
)

// Result is what Verify found.
type Result struct {
	Verdict     Verdict  `json:"verdict"`
	Damage      []Damage `json:"damage"`         // the gravest first
	Head        int64    `json:"head"`           // position of the last event
	Since       int64    `json:"since"`          // events up to here were not looked at
	Sealed      int64    `json:"sealed"`         // up to here the log is proven; what comes after is not signed yet
	Root        string   `json:"root,omitempty"` // of the events up to Sealed, in base64
	Checkpoints int      `json:"checkpoints"`    // how many the log was compared with
	Outside     Outside  `json:"outside"`
	File        string   `json:"file"`                  // the copy outside
	Key         string   `json:"key,omitempty"`         // the public key, if there is one
	Fingerprint string   `json:"fingerprint,omitempty"` // name and hash of that key
	Pinned      bool     `json:"pinned"`                // it was given, and not found beside the checkpoints
	// When the log was first sealed, as far as is known: a log that is older than that
	// lost its proof once.
	FirstSealedAt time.Time   `json:"first_sealed_at,omitzero"`
	Restored      []Restored  `json:"restored,omitempty"`
	Witnessed     []Witnessed `json:"witnessed,omitempty"` // the newest checkpoint that each witness has signed
	// When all events were last found to be as they were signed, as far as is kept.
	WholeAt time.Time `json:"whole_at,omitzero"`
	TookMS  int64     `json:"took_ms"`
	Says    string    `json:"says"`             // one sentence for people
	Advice  string    `json:"advice,omitempty"` // what to do
}

// Text returns the sentence and the advice.
func (r Result) Text() string { return strings.TrimSpace(r.Says + " " + r.Advice) }

// conclude sums the findings up in words.
func (r *Result) conclude(unsigned string) {
	slices.SortStableFunc(r.Damage, func(a, b Damage) int {
		return cmp.Or(cmp.Compare(gravity(a.Kind), gravity(b.Kind)), cmp.Compare(a.Position, b.Position))
	})
	switch {
	case len(r.Damage) > 0 && gravity(r.Damage[0].Kind) == 5:
		r.Verdict, r.Advice = Damaged, ""
		r.Says = "Nothing is known to be wrong with the events, and the database was changed beside them: " + r.Damage[0].Says + "."
	case len(r.Damage) > 0 && !unproving(r.Damage[0].Kind):
		r.Verdict, r.Says, r.Advice = Damaged, "The log is damaged: "+lower(r.Damage[0].Says), advice[r.Damage[0].Kind]
	case len(r.Damage) > 0:
		r.Verdict, r.Says, r.Advice = Unproven, r.Damage[0].Says, fmt.Sprintf(advice[r.Damage[0].Kind], r.File)
	case unsigned != "":
		r.Verdict, r.Says = Unproven, unsigned
	default:
		r.Verdict, r.Says = Intact, r.praise()
	}
}

// unproving kinds weaken the proof and are no damage to the log.
func unproving(k Kind) bool {
	return k == OutsideMissing || k == OutsideBehind || k == CosignedMissing
}

func (r *Result) praise() string {
	var b strings.Builder
	switch {
	case r.Head == 0:
		b.WriteString("The log is empty")
	case r.Since > 0 && r.Sealed <= r.Since:
		fmt.Fprintf(&b, "The log is intact: nothing was signed after position %d", r.Since)
	case r.Since > 0:
		fmt.Fprintf(&b, "The log is intact: the events from position %d to %d are as they were signed", r.Since+1, max(r.Sealed, r.Since))
	default:
		fmt.Fprintf(&b, "The log is intact: all %d events are as they were signed", r.Sealed)
	}
	if r.Since > 0 {
		fmt.Fprintf(&b, ", and the stored hashes of those before agree with every checkpoint")
	}
	switch late := r.Head - max(r.Sealed, r.Since); {
	case late == 1:
		b.WriteString("; the last event is not signed yet")
	case late > 1:
		fmt.Fprintf(&b, "; the last %d events are not signed yet", late)
	}
	b.WriteString(".")
	if r.Since > 0 && !r.WholeAt.IsZero() {
		fmt.Fprintf(&b, " All were last compared at %s.", r.WholeAt.UTC().Format(time.RFC3339))
	}
	if n := len(r.Restored); n > 0 {
		last := r.Restored[n-1]
		if at := last.At.UTC().Format(time.RFC3339); last.Proven < last.Superseded {
			fmt.Fprintf(&b, " Of %d events signed before %s only the first %d are proven to be in it: that was accepted (%s).", last.Superseded, at, last.Proven, last.Reason)
		} else {
			fmt.Fprintf(&b, " At %s the log was accepted without its earlier proof (%s).", at, last.Reason)
		}
	}
	return b.String()
}

// gravity orders findings: those about events come before those about their proof.
func gravity(k Kind) int {
	switch k {
	case HashesDamaged:
		return 1
	case CheckpointRolledBack:
		return 2
	case CheckpointForged, CheckpointMissing:
		return 3
	case OutsideForged, OutsideGarbled, CosignatureMissing, CosignatureForged:
		return 4
	case SchemaChanged, OffsetPastEnd, GuardEdited:
		return 5
	case OutsideMissing, OutsideBehind:
		return 6
	case CosignedMissing:
		return 7
	default:
		return 0
	}
}

const (
	restore = `Stop the service, keep the database and the file outside as evidence, restore a backup from before the change and run "scrapelog audit checkpoint --accept-restored REASON".`
	accept  = `Stop the service, keep the database as evidence, and run "scrapelog audit checkpoint --accept-restored REASON" to go on from what is there.`
)

var advice = map[Kind]string{
	Edited: restore, Missing: restore, Inserted: restore, Reordered: restore, Renumbered: restore, Rewritten: restore,
	WitnessAhead: restore, WitnessRefused: restore,
	CutTail:              `If a backup was restored on purpose, stop the service and run "scrapelog audit checkpoint --accept-restored REASON"; if not, keep the database as evidence and restore the newest backup.`,
	HashesDamaged:        accept,
	CheckpointRolledBack: accept,
	CheckpointForged:     accept,
	CheckpointMissing:    accept,
	CosignatureMissing:   "The events agree with every checkpoint. " + accept,
	CosignatureForged:    "The events agree with every checkpoint that is genuine. " + accept,
	CosignedMissing:      `Copy it back, beside %s; if it is lost, stop the service and run "scrapelog audit checkpoint --accept-restored REASON".`,
	OutsideForged:        "Keep the file as evidence and put back a copy of it from another machine or a backup; the events agree with every checkpoint that is genuine.",
	OutsideGarbled:       "Keep the file as evidence and put back a copy that has the original bytes, or turn CRLF into LF (dos2unix); the events agree with every checkpoint that is genuine.",
	OutsideBehind:        `Copy the newest one back to %s; if there is none, stop the service and run "scrapelog audit checkpoint --accept-restored REASON".`,
	OutsideMissing:       `Copy it back to %s, or name it if this is not the machine it is kept on; if it is lost, stop the service and run "scrapelog audit checkpoint --accept-restored REASON".`,
}

func lower(sentence string) string { return strings.ToLower(sentence[:1]) + sentence[1:] }
