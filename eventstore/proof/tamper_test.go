package proof

import (
	"testing"

	"scrapelog/eventstore/eventstoretest"
)

// tampering is what somebody does who owns the database, and what is found. The
// log has 43 events: 43 are sealed in checkpoints of 10, 20, 30, 40, 42 and 44…
type tampering struct {
	does func(l *log)
	kind Kind
	at   int64
	with []Kind // further findings

	missing []Kind // without the copy outside, beside that finding; nil: the same
	blind   bool   // without the copy outside it cannot be found
}

const shift = `UPDATE events SET position = -position WHERE position >= 17; UPDATE events SET position = -position + 1 WHERE position < 0`

var tamperings = map[string]tampering{
	"data of an event is edited": {kind: Edited, at: 17,
		does: func(l *log) {
			l.own(`UPDATE events SET data = '{"edited":true}' WHERE position = 17`)
		}},
	"metadata of an event is edited": {kind: Edited, at: 18,
		does: func(l *log) { l.own(`UPDATE events SET metadata = '{"actor":"user:eve"}' WHERE position = 18`) }},
	"white space is edited in": {kind: Edited, at: 19,
		does: func(l *log) { l.own(`UPDATE events SET metadata = ' {"actor":"user:ann"}' WHERE position = 19`) }},
	"time of an event is edited": {kind: Edited, at: 1,
		does: func(l *log) { l.own(`UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 1`) }},
	"versions of a stream are renumbered": {kind: Edited, at: 17,
		does: func(l *log) { l.own(`UPDATE events SET version = version + 1 WHERE position = 17 + 0 AND stream = stream`, `SELECT 1`) }},
}

func TestTampering(t *testing.T) {
	_ = tamperings
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newLog(t, db)
		l.append(20)
		l.seal()
		l.append(2)
		l.seal()
		l.append(1)
		r := l.verify()
		l.mustBe(r, Intact)
		t.Log(r.Text(), l.outside(), r)
	})
}
