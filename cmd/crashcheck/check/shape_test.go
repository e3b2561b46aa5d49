package check_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"scrapelog/cmd/crashcheck/check"
	"scrapelog/domain"
	"scrapelog/eventstore"
)

type example struct {
	log    []eventstore.Recorded
	seen   check.Seen
	broken []string
}

func (e example) test(t *testing.T) {
	t.Helper()
	if diff := cmp.Diff(e.broken, broken(t, e.log, e.seen)); diff != "" {
		t.Errorf("broken rules (-want +got):\n%s", diff)
	}
}

// lostAndRecovered is a whole story: a loss, its return, and the run that follows.
func lostAndRecovered(between ...domain.Event) []domain.Event {
	story := []domain.Event{started(runA, 0), lost(runA, 10, domain.CauseReset), restored(runA, 20)}
	return append(append(story, between...), because{recovery(runA, 3, 30), 3}, completed(recovery(runA, 3, 30).RunID, 40))
}

var (
	dropped    = []func(*check.Seen){post(runA, 1, check.Reset, 9)}
	recoveredA = append(dropped, post(recovery(runA, 3, 0).RunID, 31, check.Completed, 39))
)

func edited(events []eventstore.Recorded, edit func([]eventstore.Recorded)) []eventstore.Recorded {
	edit(events)
	return events
}

func TestTheLogAlone(t *testing.T) {
	for sentence, e := range logAlone() {
		t.Run(sentence, e.test)
	}
}

// TestEveryPromiseHasAHistoryThatBreaksIt keeps a rule from passing because it
// finds nothing.
func TestEveryPromiseHasAHistoryThatBreaksIt(t *testing.T) {
	found := map[string]bool{}
	for _, examples := range []map[string]example{logAlone(), fromOutside()} {
		for _, e := range examples {
			for _, rule := range e.broken {
				found[rule] = true
			}
		}
	}
	for _, rule := range check.Rules() {
		if !found[rule] {
			t.Errorf("no history breaks %q", rule)
		}
	}
}

func logAlone() map[string]example {
	done := seen(post(runA, 1, check.Completed, 9))
	return map[string]example{
		"a run that completed breaks nothing": {log(started(runA, 0), completed(runA, 10)), done, nil},
		"a recovered loss breaks nothing":     {log(lostAndRecovered()...), seen(recoveredA...), nil},
		"a missing position is found": {
			edited(log(started(runA, 0), completed(runA, 10)), func(r []eventstore.Recorded) { r[1].Position = 3 }),
			done, []string{"positions are gap-free"},
		},
		"a missing version is found": {
			edited(log(started(runA, 0), completed(runA, 10)), func(r []eventstore.Recorded) { r[1].Version = 3 }),
			done, []string{"versions are gap-free"},
		},
		"an id that stands twice is found": {
			edited(log(started(runA, 0), completed(runA, 10)), func(r []eventstore.Recorded) { r[1].ID = r[0].ID }),
			done, []string{"ids are unique"},
		},
		"a run that started twice is found": {
			log(started(runA, 0), started(runA, 1), completed(runA, 10)), done, []string{"a run starts once"},
		},
		"a run that ended twice is found": {
			log(started(runA, 0), completed(runA, 10), failed(runA, 11)), done, []string{"a run ends once"},
		},
		"a run that never ended is found in the end": {
			log(started(runA, 0)), seen(), []string{"a run ends once"},
		},
		"a run may be open before the end": {log(started(runA, 0)), seen(pending), nil},
		"a start after the end is found": {
			log(started(runA, 0), completed(runA, 10), started(runA, 20)), done,
			[]string{"a run starts once", "only a restored connection follows an end"},
		},
		"a return without a loss is found": {
			log(started(runA, 0), completed(runA, 10), restored(runA, 20), because{skipped(runA, 30, domain.SkipPaused), 3}), done,
			[]string{"a connection is restored once, after it was lost"},
		},
		"a second return is found": {
			log(lostAndRecovered(restored(runA, 25))...), seen(recoveredA...),
			[]string{"a connection is restored once, after it was lost"},
		},
		"a loss that was never restored is found in the end": {
			log(started(runA, 0), lost(runA, 10, domain.CauseReset)), seen(dropped...),
			[]string{"a lost connection is restored or superseded"},
		},
		"a newer run supersedes a loss": {
			log(started(runA, 0), lost(runA, 10, domain.CauseReset), started(runB, 20), completed(runB, 30)),
			seen(post(runA, 1, check.Reset, 9), post(runB, 21, check.Completed, 29)), nil,
		},
		"a return that nothing follows is found in the end": {
			log(started(runA, 0), lost(runA, 10, domain.CauseReset), restored(runA, 20)), seen(dropped...),
			[]string{"a restored connection has one answer"},
		},
		"a trace that says why not is an answer": {
			log(started(runA, 0), lost(runA, 10, domain.CauseReset), restored(runA, 20), because{skipped(runA, 30, domain.SkipRecoveryDisabled), 3}),
			seen(dropped...), nil,
		},
		"a second answer is found": {
			log(append(lostAndRecovered(), because{skipped(runA, 50, domain.SkipRunOpen), 3})...), seen(recoveredA...),
			[]string{"a restored connection has one answer"},
		},
		"an answer before the return is found": {
			log(started(runA, 0), lost(runA, 10, domain.CauseReset), because{skipped(runA, 15, domain.SkipPaused), 2}, restored(runA, 20)),
			seen(dropped...), []string{"a restored connection has one answer"},
		},
		"the end of a pause may answer once more": {
			log(started(runA, 0), lost(runA, 10, domain.CauseReset), restored(runA, 20), because{skipped(runA, 30, domain.SkipPaused), 3},
				resumed(40), because{recovery(runA, 5, 50), 5}, completed(recovery(runA, 5, 0).RunID, 60)),
			seen(post(runA, 1, check.Reset, 9), post(recovery(runA, 5, 0).RunID, 51, check.Completed, 59)), nil,
		},
		"a recovery run with an unrelated id is found": {
			log(started(runA, 0), lost(runA, 10, domain.CauseReset), restored(runA, 20), because{withID(recovery(runA, 3, 30), runB), 3}, completed(runB, 40)),
			seen(post(runA, 1, check.Reset, 9), post(runB, 31, check.Completed, 39)), []string{"a recovery run's id follows from its cause"},
		},
		"a scraper that is overdue after each success breaks nothing": {
			log(expects(0), started(runA, 1), overdue(6), completed(runA, 10), overdue(15)), done, nil,
		},
		"a scraper that is overdue twice is found": {
			log(expects(0), started(runA, 1), completed(runA, 10), overdue(15), overdue(16)), done, []string{"a scraper is overdue once for each count"},
		},
		"a scraper that is overdue though nothing is expected is found": {
			log(started(runA, 0), completed(runA, 10), overdue(15)), done, []string{"a scraper is overdue once for each count"},
		},
		"two open runs of one scraper are found": {
			log(started(runA, 0), started(runB, 5), completed(runA, 10), completed(runB, 15)),
			seen(post(runA, 1, check.Completed, 9), post(runB, 6, check.Completed, 14)), []string{"one run is open per scraper"},
		},
	}
}

func withID(e domain.RunStarted, run uuid.UUID) domain.RunStarted {
	e.RunID = run
	return e
}
