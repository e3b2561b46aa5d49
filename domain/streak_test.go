package domain_test

import (
	"testing"
	"time"

	"scrapelog/domain"
)

// ended is a run's end and how long it had been running.
type ended struct {
	event domain.Event
	age   time.Duration
}

func lostBy(cause domain.Cause, age time.Duration, lastEvent string) ended {
	return ended{domain.ConnectionLost{Link: domain.LinkScraper, Cause: cause, LastEvent: lastEvent}, age}
}

func TestRunsLostTheSameWay(t *testing.T) {
	eof := func(age time.Duration) ended { return lostBy(domain.CauseEOF, age, "") }
	named := func(age time.Duration, last string) ended { return lostBy(domain.CauseEOF, age, last) }
	for name, test := range map[string]struct {
		given []ended
		want  domain.Streak
	}{
		"no run, no streak": {},
		"one loss is a streak of one": {
			[]ended{eof(12 * time.Second)}, domain.Streak{Cause: "eof", Runs: 1, ShortestMS: 12_000, LongestMS: 12_000},
		},
		"the same cause within a tenth of the age": {
			[]ended{eof(12 * time.Second), eof(13 * time.Second), eof(12_500 * time.Millisecond)},
			domain.Streak{Cause: "eof", Runs: 3, ShortestMS: 12_000, LongestMS: 13_000},
		},
		"just within a tenth": {
			[]ended{eof(9 * time.Second), eof(10 * time.Second)}, domain.Streak{Cause: "eof", Runs: 2, ShortestMS: 9_000, LongestMS: 10_000},
		},
		"more than a tenth apart begins a new streak": {
			[]ended{eof(9 * time.Second), eof(10_001 * time.Millisecond)}, domain.Streak{Cause: "eof", Runs: 1, ShortestMS: 10_001, LongestMS: 10_001},
		},
		"ages that drift apart do not stay a streak": {
			[]ended{eof(100 * time.Second), eof(109 * time.Second), eof(118 * time.Second)},
			domain.Streak{Cause: "eof", Runs: 1, ShortestMS: 118_000, LongestMS: 118_000},
		},
		"losses that come at once": {
			[]ended{eof(2 * time.Millisecond), eof(400 * time.Millisecond)}, domain.Streak{Cause: "eof", Runs: 2, ShortestMS: 2, LongestMS: 400},
		},
		"the same last event at any age": {
			[]ended{named(time.Second, "Completed"), named(time.Minute, "Completed")},
			domain.Streak{Cause: "eof", Runs: 2, ShortestMS: 1_000, LongestMS: 60_000, LastEvent: "Completed"},
		},
		"no last event is not the same one": {
			[]ended{eof(time.Second), eof(time.Minute)}, domain.Streak{Cause: "eof", Runs: 1, ShortestMS: 60_000, LongestMS: 60_000},
		},
		"the same age after different events": {
			[]ended{named(time.Minute, "progress"), named(time.Minute, "beat")}, domain.Streak{Cause: "eof", Runs: 2, ShortestMS: 60_000, LongestMS: 60_000},
		},
		"another cause begins a new streak": {
			[]ended{eof(time.Second), eof(time.Second), lostBy(domain.CauseReset, time.Second, "")},
			domain.Streak{Cause: "reset", Runs: 1, ShortestMS: 1_000, LongestMS: 1_000},
		},
		"a run that completed ends it":      {[]ended{eof(time.Second), eof(time.Second), {domain.RunCompleted{}, time.Second}}, domain.Streak{}},
		"a run that failed ends it":         {[]ended{eof(time.Second), eof(time.Second), {domain.RunFailed{}, time.Second}}, domain.Streak{}},
		"a run that was cancelled does not": {[]ended{eof(time.Second), {domain.RunCancelled{}, time.Second}, eof(time.Second)}, domain.Streak{Cause: "eof", Runs: 2, ShortestMS: 1_000, LongestMS: 1_000}},
		"what happened to the instance says nothing of the scraper": {
			[]ended{eof(time.Second), lostBy(domain.CauseInstanceLost, time.Hour, ""), lostBy(domain.CauseInstanceStop, time.Hour, ""), lostBy(domain.CauseInstanceExhausted, time.Hour, ""), eof(time.Second)},
			domain.Streak{Cause: "eof", Runs: 2, ShortestMS: 1_000, LongestMS: 1_000},
		},
		"nor does a watcher that left": {
			[]ended{eof(time.Second), {domain.ConnectionLost{Link: domain.LinkWatcher, Cause: domain.CauseWatcherGone}, time.Hour}},
			domain.Streak{Cause: "eof", Runs: 1, ShortestMS: 1_000, LongestMS: 1_000},
		},
		"a clock that was set back": {[]ended{eof(-time.Hour)}, domain.Streak{Cause: "eof", Runs: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			var got domain.Streak
			for _, end := range test.given {
				got = got.After(end.event, end.age)
			}
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestAStreakInWords(t *testing.T) {
	for want, s := range map[string]domain.Streak{
		"lost the same way 38 times: eof after 12 to 13 s; a proxy or worker timeout?":                                           {Cause: "eof", Runs: 38, ShortestMS: 12_100, LongestMS: 13_300},
		"lost the same way 2 times: reset after 5 min; a proxy or worker timeout?":                                               {Cause: "reset", Runs: 2, ShortestMS: 300_000, LongestMS: 300_400},
		"lost the same way 3 times: eof after 2 to 400 ms":                                                                       {Cause: "eof", Runs: 3, ShortestMS: 2, LongestMS: 400},
		"lost the same way 4 times: refused after 0 ms":                                                                          {Cause: "refused", Runs: 4},
		`lost the same way 9 times: eof after 0 to 3 min, last event "Completed"; a run ends with the event completed or failed`: {Cause: "eof", Runs: 9, ShortestMS: 900, LongestMS: 200_000, LastEvent: "Completed"},
		`lost the same way 9 times: reset after 0 to 3 h, last event "progress"`:                                                 {Cause: "reset", Runs: 9, ShortestMS: 60_000, LongestMS: 12_000_000, LastEvent: "progress"},
	} {
		if got := s.String(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
