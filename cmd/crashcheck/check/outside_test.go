package check_test

import (
	"testing"
	"time"

	"scrapelog/cmd/crashcheck/check"
	"scrapelog/domain"
	"scrapelog/eventstore"
)

func completion() []eventstore.Recorded { return log(started(runA, 0), completed(runA, 10)) }

// orphan is a run whose instance died with it, superseded so that nothing else is due.
func orphan(endedMS int) []eventstore.Recorded {
	return log(started(runA, 0), lost(runA, endedMS, domain.CauseInstanceLost), started(runB, endedMS+10), cancelled(runB, endedMS+20))
}

func dropAt(ms int, cause domain.Cause) []eventstore.Recorded {
	return log(started(runA, 0), lost(runA, ms, cause), started(runB, ms+10), cancelled(runB, ms+20))
}

func TestWhatWasSeenFromOutside(t *testing.T) {
	for sentence, e := range fromOutside() {
		t.Run(sentence, e.test)
	}
}

func fromOutside() map[string]example {
	const (
		inTime, madeUp = "what the scraper said is in the log in time", "the log says nothing that the scraper did not say"
		orphaned       = "no run is open without a live instance"
		falseDeath     = "a live instance's run is not ended for it"
		falseLoss      = "no loss is false"
	)
	done := post(runA, 1, check.Completed, 9)
	return map[string]example{
		"an acknowledged write that is there breaks nothing": {completion(), seen(done, ack(1, runA, "run.started")), nil},
		"an acknowledged write past the end is found":        {completion(), seen(done, ack(3, runA, "run.started")), []string{"what was acknowledged is there"}},
		"another event in its place is found":                {completion(), seen(done, ack(2, runA, "run.started")), []string{"what was acknowledged is there"}},
		"a second POST is found":                             {completion(), seen(done, post(runA, 2, check.Completed, 9)), []string{"a run is POSTed at most once"}},
		"a POST without a run is found":                      {completion(), seen(done, post(runB, 1, check.StillOpen, 0)), []string{"a POSTed run is in the log"}},
		"a POST before its run is found":                     {completion(), seen(post(runA, -1, check.Completed, 9)), []string{"a POSTed run is in the log"}},
		"a process that fell is found": {
			completion(), seen(done, died(1000), func(s *check.Seen) { s.Lives[0].Fell = "exit status 4" }), []string{"serve does not end by itself"},
		},
		"it may fall while it starts without a database": {completion(), seen(done, fellInOutage(false)), nil},
		"once ready it may not":                          {completion(), seen(done, fellInOutage(true)), []string{"serve does not end by itself"}},
		"a POST by another process is found": {
			completion(), seen(anotherLife(-90, -40), done, by(1)), []string{"one process acts for an instance"},
		},

		"a run left open past the next readiness is found": {
			orphan(150), seen(cancel(runB), died(5), anotherLife(20, 100)), []string{orphaned},
		},
		"a run ended before the next readiness is not": {orphan(50), seen(cancel(runB), died(5), anotherLife(20, 100)), nil},
		"among several, beats take their time":         {orphan(5000), seen(cancel(runB), shared, anotherLife(-90, -40), firstDied(5)), nil},
		"among several, too long is found":             {orphan(8000), seen(cancel(runB), shared, anotherLife(-90, -40), firstDied(5)), []string{orphaned}},
		"an ended run of a live instance is found":     {orphan(50), seen(cancel(runB), shared, died(60)), []string{falseDeath}},
		"instance_stopped without a stop is found":     {dropAt(50, domain.CauseInstanceStop), seen(cancel(runB)), []string{falseDeath}},

		"a made-up success is found": {
			completion(), seen(post(runA, 1, check.Clean, 9)), []string{madeUp, inTime},
		},
		"a made-up count is found": {
			completion(), seen(done, func(s *check.Seen) { s.Posts[0].Items = 8 }), []string{madeUp},
		},
		"a made-up failure is found": {
			log(started(runA, 0), failed(runA, 10)), seen(done), []string{madeUp, inTime},
		},
		"a cancel without a request is found": {log(started(runA, 0), cancelled(runA, 10)), seen(), []string{madeUp}},

		"a drop breaks nothing":                                       {dropAt(10, domain.CauseReset), seen(cancel(runB), post(runA, 1, check.Reset, 9)), nil},
		"a loss of a healthy stream is found":                         {dropAt(10, domain.CauseReset), seen(cancel(runB), post(runA, 1, check.ClientLeft, 11)), []string{falseLoss}},
		"a refused connection while nothing listened is no violation": {dropAt(10, domain.CauseRefused), seen(cancel(runB), down(-5, 20)), nil},
		"a wrong cause is found":                                      {dropAt(10, domain.CauseEOF), seen(cancel(runB), post(runA, 1, check.Reset, 9)), []string{falseLoss, inTime}},
		"silence in time breaks nothing":                              {dropAt(430, domain.CauseIdleTimeout), seen(cancel(runB), post(runA, 1, check.Silent, 9)), nil},
		"silence found too soon is false":                             {dropAt(300, domain.CauseIdleTimeout), seen(cancel(runB), post(runA, 1, check.Silent, 9)), []string{falseLoss}},
		"silence found too late is found":                             {dropAt(1000, domain.CauseIdleTimeout), seen(cancel(runB), post(runA, 1, check.Silent, 9)), []string{inTime}},

		"an end that came too late is found":      {log(started(runA, 0), completed(runA, 400)), seen(done), []string{inTime}},
		"a machine that stood still excuses it":   {log(started(runA, 0), completed(runA, 400)), seen(done, stalled(100, 250)), nil},
		"success turned into a loss is found":     {orphan(50), seen(cancel(runB), done, died(400), anotherLife(401, 402)), []string{falseDeath, inTime}},
		"a death within the bound excuses a loss": {orphan(50), seen(cancel(runB), done, died(20), anotherLife(30, 100)), nil},
	}
}

func firstDied(ms int) func(*check.Seen) { return func(s *check.Seen) { s.Lives[0].Ended = at(ms) } }

func fellInOutage(ready bool) func(*check.Seen) {
	return func(s *check.Seen) {
		life := &s.Lives[0]
		life.Ended, life.Fell, s.Outages = at(1000), "exit status 4", []check.Span{{From: at(900), To: at(1100)}}
		if !ready {
			life.Ready = time.Time{}
		}
	}
}
