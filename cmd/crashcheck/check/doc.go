// Package check holds a log against what was seen from outside while it was
// written: by the scrapers, which know who asked them for what and what they
// answered, and by the program that started and killed the instances. It is pure: the
// same log and the same observations give the same violations.
package check

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"scrapelog/eventstore"
)

// Violation is a promise that was not kept.
type Violation struct {
	Rule     string    // which promise
	Position int64     // where in the log it shows; 0: nowhere in particular
	Run      uuid.UUID // of which run; zero: of none
	Detail   string
}

func (v Violation) String() string {
	text := v.Rule + ": " + v.Detail
	if v.Run != uuid.Nil {
		text += fmt.Sprintf(" (run %s)", v.Run)
	}
	if v.Position > 0 {
		text += fmt.Sprintf(" (position %d)", v.Position)
	}
	return text
}

// rules are the promises, by name. Each looks at the whole book.
var rules = []struct {
	name string
	find func(*book) []Violation
}{
	{"positions are gap-free", positionsGapFree},
	{"versions are gap-free", versionsGapFree},
	{"ids are unique", idsUnique},
	{"what was acknowledged is there", acknowledgedPresent},
	{"a run starts once", startsOnce},
	{"a run ends once", endsOnce},
	{"only a restored connection follows an end", nothingAfterEnd},
	{"a connection is restored once, after it was lost", restoredOnce},
	{"a lost connection is restored or superseded", lostSettled},
	{"a restored connection has one answer", restoredAnswered},
	{"a recovery run's id follows from its cause", recoveryIDs},
	{"one run is open per scraper", oneOpenRun},
	{"a scraper is overdue once for each count", overdueOnce},
	{"a run is POSTed at most once", postedOnce},
	{"a POSTed run is in the log", postedIsLogged},
	{"serve does not end by itself", noFall},
	{"one process acts for an instance", oneLifePerInstance},
	{"no run is open without a live instance", noOrphans},
	{"a live instance's run is not ended for it", noFalseDeath},
	{"the log says nothing that the scraper did not say", nothingMadeUp},
	{"no loss is false", noFalseLoss},
	{"what the scraper said is in the log in time", faithful},
}

// Rules returns the names of the promises.
func Rules() (names []string) {
	for _, rule := range rules {
		names = append(names, rule.name)
	}
	return names
}

// Check returns every violation, in the order of the rules.
func Check(log []eventstore.Recorded, seen Seen) ([]Violation, error) {
	b, err := newBook(log, seen)
	if err != nil {
		return nil, err
	}
	var all []Violation
	for _, rule := range rules {
		for _, v := range rule.find(b) {
			v.Rule = rule.name
			all = append(all, v)
		}
	}
	return all, nil
}

// Seen is what was observed from outside the program.
type Seen struct {
	Lives    []Life
	Posts    []Post
	Acks     []Ack
	Cancels  map[uuid.UUID]bool // runs whose cancel was requested, answered or not
	Scrapers map[string]Scraper
	Stalls   []Span        // when the machine stood still, which excuses delays
	Outages  []Span        // when the database was away, likewise
	Bound    time.Duration // how late the log may be, in the life of an instance
	Shared   bool          // several instances serve the database
	Final    bool          // all had time to settle: nothing may be pending
}

// Span is a stretch of time.
type Span struct{ From, To time.Time }

// Life is one process, from its start to its death.
type Life struct {
	Instances []string // the ids it said it serves under
	Began     time.Time
	Ready     time.Time // when /readyz was first seen to be 200; zero: never
	Asked     time.Time // when it was asked to stop; zero: it was not
	Ended     time.Time // zero: it lives
	Fell      string    // how it ended by itself, if it did
}

// alive reports whether the process lived throughout.
func (l Life) alive(from, to time.Time) bool {
	return !l.Began.After(from) && (l.Ended.IsZero() || l.Ended.After(to)) && (l.Asked.IsZero() || l.Asked.After(to))
}

// Scraper is what is configured about a scraper and when nothing listened there.
type Scraper struct {
	Idle  time.Duration
	Downs []Span
}

// How a scraper ended a stream.
type Ending string

// The endings.
const (
	StillOpen  Ending = ""
	Completed  Ending = "completed" // said so
	Failed     Ending = "failed"    // said so
	Rejected   Ending = "rejected"  // answered 500
	Gateway    Ending = "gateway"   // answered 503
	Closed     Ending = "closed"    // hung up instead of answering
	Clean      Ending = "clean"     // ended the stream in good order and said nothing
	Truncated  Ending = "truncated" // ended it inside a chunk
	Reset      Ending = "reset"
	Silent     Ending = "silent"      // fell silent and waits
	ClientLeft Ending = "client left" // the other side hung up first
)

// Post is one run that a scraper was asked for, and what it answered.
type Post struct {
	Run     uuid.UUID
	Scraper string
	Life    int // index into Lives: who asked
	At      time.Time
	Ending  Ending
	EndedAt time.Time // when Ending began to be true
	Items   int64     // of Completed
	Reason  string    // of Failed
}

// Ack is a write that the API answered with success.
type Ack struct {
	Position int64
	Run      uuid.UUID // the run that was started or cancelled, if it was one
	Type     string    // what must stand in the log about it; empty: all was so already
}
