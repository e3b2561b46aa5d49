package eventstore

import (
	"strconv"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// guardMove is how an append moves a guard. The database makes the move under the log's
// lock (see append_to_log), so that no guard is read before; what an event does to a
// guard is still decided by [domain.Guard.Evolve] only.
type guardMove struct {
	expected string // the text of the guard that must be there; empty: any
	set      int64  // one bit for each of guardFields that gets its value of news
	opened   int64  // likewise, if the run of the events is the open one
	lost     int64  // likewise, if it is the lost one
	later    int64  // those that get their value only if it is later than their own
	news     guardRow
}

// guardRow holds values of guardFields in their order.
type guardRow []any

// moveOf is the move of an append to the stream of a run, or of none.
func moveOf(expected *domain.Guard, run uuid.UUID, events []NewEvent) guardMove {
	if expected != nil {
		after := evolve(*expected, events)
		m := guardMove{expected: guardValues(expected).text()}
		for i, field := range guardFields {
			if value := field.of(&after); !sameField(field.of(expected), value) {
				m.set |= 1 << i
				m.tell(i, guardValue(value))
			}
		}
		return m
	}
	m := anyPair.learn(events)
	if run == uuid.Nil {
		return m
	}
	for _, of := range []struct {
		pair guardPair
		set  *int64
	}{{anyPair.naming(run, uuid.Nil), &m.opened}, {anyPair.naming(uuid.Nil, run), &m.lost}} {
		if !of.pair.follows(anyPair, events) {
			learned := of.pair.learn(events)
			*of.set = learned.set &^ m.set
			for i, value := range learned.news {
				if *of.set&(1<<i) != 0 {
					m.tell(i, value)
				}
			}
		}
	}
	return m
}

// bits are the four sets as append_to_log reads them.
func (m guardMove) bits() int64 { return m.set | m.opened<<16 | m.lost<<32 | m.later<<48 }

// A guard is moved by constants, and by whether it names the run that an event is
// about. So two guards that differ in every other field tell what any guard becomes.
// What an event does otherwise needs an expected guard.
var (
	lowGuard = domain.Guard{
		OpenRun: uuid.UUID{1}, Instance: "1", LostRun: uuid.UUID{1}, Gap: "1", LastDue: time.Unix(0, 1),
		Expect: domain.Expectation{Within: 1, Since: time.Unix(0, 1), LastSuccess: time.Unix(0, 1), OverdueSince: time.Unix(0, 1)},
	}
	highGuard = domain.Guard{
		OpenRun: uuid.UUID{2}, Instance: "2", LostRun: uuid.UUID{2}, Gap: "2", LastDue: farAway,
		Expect:   domain.Expectation{Within: 2, Since: farAway, LastSuccess: farAway, OverdueSince: farAway},
		Restored: true, Paused: true, Removed: true,
	}
	farAway = time.Unix(1<<33, 0) // in the year 2242
)

// guardPair is two guards that tell what becomes of those that have what both have.
type guardPair struct{ low, high domain.Guard }

// anyPair has nothing in common.
var anyPair = guardPair{lowGuard, highGuard}

// naming returns the pair with a run that is open, lost or both.
func (p guardPair) naming(open, lost uuid.UUID) guardPair {
	if open != uuid.Nil {
		p.low.OpenRun, p.high.OpenRun = open, open
	}
	if lost != uuid.Nil {
		p.low.LostRun, p.high.LostRun = lost, lost
	}
	return p
}

// follows reports whether the events do to p what they do to q, though p names the run
// where q names another.
func (p guardPair) follows(q guardPair, events []NewEvent) bool {
	alike := func(p, q domain.Guard) bool {
		after := evolve(q, events)
		if after.OpenRun == q.OpenRun {
			after.OpenRun = p.OpenRun
		}
		if after.LostRun == q.LostRun {
			after.LostRun = p.LostRun
		}
		return sameGuard(after, evolve(p, events))
	}
	return alike(p.low, q.low) && alike(p.high, q.high)
}

// learn returns the move that the events are. A value that both guards get is set, one
// that only the lower gets is the later of two, and others are kept.
func (p guardPair) learn(events []NewEvent) (m guardMove) {
	after := guardPair{evolve(p.low, events), evolve(p.high, events)}
	if !sameGuard(after.low, p.low) || !sameGuard(after.high, p.high) {
		m = p.moveTo(after)
	}
	return m
}

func (p guardPair) moveTo(after guardPair) (m guardMove) {
	for i, field := range guardFields {
		low, high := field.of(&after.low), field.of(&after.high)
		if sameField(field.of(&p.low), low) && sameField(field.of(&p.high), high) {
			continue
		}
		m.tell(i, guardValue(low))
		if sameField(low, high) {
			m.set |= 1 << i
		} else {
			m.later |= 1 << i
		}
	}
	return m
}

// tell makes value the news of a column.
func (m *guardMove) tell(column int, value any) {
	if m.news == nil {
		m.news = make(guardRow, len(guardFields))
	}
	m.news[column] = value
}

func evolve(g domain.Guard, events []NewEvent) domain.Guard {
	for _, e := range events {
		g = g.Evolve(e.Event)
	}
	return g
}

// These stand between the values of a guard, and for NULL, in append_to_log. No value has
// them: a guard's texts are ids and words of the domain.
const (
	guardSeparator = '\x1f'
	guardNull      = '\x1e'
)

// text is the row as append_to_log reads it.
func (r guardRow) text() string {
	text := make([]byte, 0, 128)
	for i, value := range r {
		if i > 0 {
			text = append(text, guardSeparator)
		}
		switch value := value.(type) {
		case nil:
			text = append(text, guardNull)
		case bool:
			text = strconv.AppendBool(text, value)
		case int64:
			text = strconv.AppendInt(text, value, 10)
		case string:
			text = append(text, value...)
		case runColumn:
			text = append(text, uuid.UUID(value).String()...)
		}
	}
	return string(text)
}
