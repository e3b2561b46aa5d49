package eventstore

import (
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"scrapelog/domain"
)

// guardMove is one way in which an append moves a guard. A row that has the values of
// fits gets those of set, and those of later that are later than its own. The database
// makes the move under the log's lock (see append_group), so that no guard is read
// before; what an event does to a guard is still decided by [domain.Guard.Evolve] only.
type guardMove struct{ fits, set, later guardRow }

// guardRow holds values of guardFields in their order; unset stands for none.
type guardRow []any

type unset struct{}

// nothing returns a move without values.
func nothing() guardMove {
	n := len(guardFields)
	all := slices.Repeat(guardRow{unset{}}, 3*n)
	return guardMove{all[:n:n], all[n : 2*n : 2*n], all[2*n:]}
}

// movesOf lists the moves of an append. The first that fits is made. If none fits, the
// guard is not the expected one.
func movesOf(expected *domain.Guard, events []NewEvent) []guardMove {
	if expected != nil {
		m := nothing()
		m.fits = guardValues(expected)
		for i, value := range valuesAfter(*expected, events) {
			if value != m.fits[i] {
				m.set[i] = value
			}
		}
		return []guardMove{m}
	}
	run, _ := domain.RunOfStream(events[0].Event.Stream()) // uuid.Nil: a scraper's stream
	pairs := []guardPair{anyPair}
	moves := []guardMove{pairs[0].learn(events)}
	if run == uuid.Nil {
		return moves
	}
	for _, names := range []struct{ open, lost bool }{{lost: true}, {open: true}, {true, true}} {
		p := anyPair.naming(run, names.open, names.lost)
		// The most specific pair so far that has those names, or fewer.
		fits := slices.IndexFunc(pairs, func(q guardPair) bool {
			return (names.open || q.low.OpenRun != run) && (names.lost || q.low.LostRun != run)
		})
		if !p.follows(pairs[fits], events) {
			pairs = slices.Insert(pairs, 0, p)
			moves = slices.Insert(moves, 0, p.learn(events))
		}
	}
	return moves
}

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

// guardPair is two guards, and their values, that tell what becomes of those that have
// what both have.
type guardPair struct {
	low, high             domain.Guard
	lowValues, highValues guardRow
}

// anyPair has nothing in common.
var anyPair = guardPair{lowGuard, highGuard, guardValues(&lowGuard), guardValues(&highGuard)}

// naming returns the pair with a run that is open, lost or both.
func (p guardPair) naming(run uuid.UUID, open, lost bool) guardPair {
	if open {
		p.low.OpenRun, p.high.OpenRun = run, run
	}
	if lost {
		p.low.LostRun, p.high.LostRun = run, run
	}
	p.lowValues, p.highValues = nil, nil // made when they are needed
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
func (p guardPair) learn(events []NewEvent) guardMove {
	m, low, high := nothing(), p.lowValues, p.highValues
	if low == nil {
		low, high = guardValues(&p.low), guardValues(&p.high)
	}
	lowest, highest := valuesAfter(p.low, events), valuesAfter(p.high, events)
	for i := range guardFields {
		if low[i] == high[i] {
			m.fits[i] = low[i]
		}
		switch {
		case lowest[i] == low[i] && highest[i] == high[i]:
		case lowest[i] == highest[i]:
			m.set[i] = lowest[i]
		default:
			m.later[i] = lowest[i]
		}
	}
	return m
}

func valuesAfter(g domain.Guard, events []NewEvent) guardRow {
	g = evolve(g, events)
	return guardValues(&g)
}

func evolve(g domain.Guard, events []NewEvent) domain.Guard {
	for _, e := range events {
		g = g.Evolve(e.Event)
	}
	return g
}

// appendJSON appends the move as append_group reads it.
func (m guardMove) appendJSON(text []byte) []byte {
	text = m.fits.appendJSON(append(text, `{"if":`...))
	text = m.set.appendJSON(append(text, `,"set":`...))
	if slices.ContainsFunc(m.later, func(value any) bool { return value != unset{} }) {
		text = m.later.appendJSON(append(text, `,"later":`...))
	}
	return append(text, '}')
}

// appendJSON appends an object of the columns that have a value.
func (r guardRow) appendJSON(text []byte) []byte {
	text = append(text, '{')
	for i, value := range r {
		if value == (unset{}) {
			continue
		}
		if text[len(text)-1] != '{' {
			text = append(text, ',')
		}
		text = append(append(append(text, '"'), guardFields[i].column...), '"', ':')
		switch value := value.(type) {
		case nil:
			text = append(text, "null"...)
		case bool:
			text = strconv.AppendBool(text, value)
		case int64:
			text = strconv.AppendInt(text, value, 10)
		case string:
			text = appendString(text, value)
		case runColumn:
			text = appendString(text, uuid.UUID(value).String())
		}
	}
	return append(text, '}')
}

func appendString(text []byte, s string) []byte {
	text, _ = jsontext.AppendQuote(text, s) // what is not UTF-8 is replaced
	return text
}
