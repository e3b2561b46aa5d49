package pages

import (
	"fmt"
	"time"

	"scrapelog/eventstore/feed"
	"scrapelog/eventstore/instances"
	"scrapelog/eventstore/proof"
	"scrapelog/projections/replay"
)

// Job is the state of a task that takes longer than a request may. The zero Job was never
// started.
type Job struct {
	StartedAt, EndedAt time.Time
	Running            bool // it is not waiting for another one any more
	Done, All          int64
	Err                string
}

// Busy reports whether it is waiting or under way.
func (j Job) Busy() bool { return !j.StartedAt.IsZero() && j.EndedAt.IsZero() }

// RefreshWhile returns the trigger that fetches a page every second while a job runs.
func RefreshWhile(busy bool) string {
	if busy {
		return "every 1s"
	}
	return RefreshOverview
}

// text returns the state of a job in words.
func (j Job) text() string {
	switch {
	case j.StartedAt.IsZero():
		return ""
	case !j.EndedAt.IsZero() && j.Err != "":
		return "Failed: " + clean(j.Err)
	case !j.EndedAt.IsZero():
		return "Done in " + Took(j.EndedAt.Sub(j.StartedAt)) + "."
	case !j.Running:
		return "Waiting for another job to end."
	}
	return fmt.Sprintf("Event %s of %s.", number(j.Done), number(j.All))
}

// ProjectionList is how far each reader of the log has come.
type ProjectionList struct {
	Projections []Projection
	Head        int64
	Instances   []instances.Holding
	Now         time.Time
	Since       time.Time // this instance has seen what goes wrong
	GivenUp     int64     // notices
	File        string    // the configuration file; empty: there is none
}

// HeldShown is how many of an instance's runs the page names.
const HeldShown = 20

// Projection is one of them.
type Projection struct {
	feed.Group
	Rebuilt bool // it can be rebuilt
	Job     Job  // its last rebuild
}

// AuditPage holds the state of the log's proof.
type AuditPage struct {
	Head  int64
	State proof.State
	Job   Job           // the last verification
	Last  *proof.Result // what the last one that was not given up found, on any instance; nil: there was none
	At    time.Time     // when that was

	Replay Replay

	Wrong []string // what was changed in the database without an event; sentences
	Weak  []string // what lets other users change it; sentences

	Witnesses   []proof.WitnessState
	Checkpoints []proof.Sealed // the newest, newest first
	Database    string         // as the command line names it, without a password
}

// Replay is the comparison of what pages show with what the log makes of it.
type Replay struct {
	Job  Job                // the last one
	Last *replay.Comparison // what the last one that was not given up found, on any instance; nil: there was none
	At   time.Time          // when that was
}

// Inclusion says where an event stands in what was signed.
type Inclusion struct {
	Refused string // why the viewer gets no proof
	Size    int64  // of the checkpoint that it is in; 0: in none yet
	Root    string // and its tree hash
	Key     string // the public key
	Damaged string // why it cannot be proven
	Unknown bool   // this instance cannot make the proof
}

var verdictLook = map[proof.Verdict]struct{ word, icon, class string }{
	proof.Intact:   {"Intact", "circle-check", "state-up"},
	proof.Unproven: {"Unproven", "circle-x", "state-lost"},
	proof.Damaged:  {"Damaged", "circle-x", "state-bad"},
}

func inARow(f feed.Failure) string {
	if f.Times < 2 {
		return ""
	}
	return ", " + number(int64(f.Times)) + " times in a row"
}
