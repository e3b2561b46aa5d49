package domain

import "time"

// Streak tells that the runs of a scraper are lost the same way again and again:
// by the same cause, and either after about the same time or after the same last
// event. It is for people; no decision reads it. The zero value is no streak.
type Streak struct {
	Cause      Cause
	Runs       int64  // how many runs in a row
	ShortestMS int64  // of the times from start to loss
	LongestMS  int64  // likewise
	LastEvent  string // the last event of all of them; empty: there was none, or they differ
}

// Repeats says whether there is anything to tell: one loss is no streak.
func (s Streak) Repeats() bool { return s.Runs > 1 }

// Alike says whether the runs were lost after about the same time.
func (s Streak) Alike() bool { return aboutTheSame(s.ShortestMS, s.LongestMS) }

// After returns the streak after e, an event of the scraper or of one of its runs.
// age is how long the run that e ends had been running. A run that completed or
// failed ends the streak. One that was cancelled says nothing about the scraper,
// nor does a loss for a reason of ours or of a watcher.
func (s Streak) After(e Event, age time.Duration) Streak {
	switch e := e.(type) {
	case ConnectionLost:
		if e.Link == LinkScraper && !e.Cause.ours() {
			return s.lost(e, max(0, ms(age)))
		}
	case RunCompleted, RunFailed:
		return Streak{}
	}
	return s
}

func (s Streak) lost(e ConnectionLost, age int64) Streak {
	shortest, longest := min(s.ShortestMS, age), max(s.LongestMS, age)
	same := e.LastEvent == s.LastEvent
	if s.Runs == 0 || e.Cause != s.Cause || !aboutTheSame(shortest, longest) && (!same || e.LastEvent == "") {
		return Streak{Cause: e.Cause, Runs: 1, ShortestMS: age, LongestMS: age, LastEvent: e.LastEvent}
	}
	s.Runs, s.ShortestMS, s.LongestMS = s.Runs+1, shortest, longest
	if !same {
		s.LastEvent = ""
	}
	return s
}

// aboutTheSame: within a tenth, or within half a second, which is what a busy
// machine adds to a loss that comes at once.
func aboutTheSame(shortest, longest int64) bool { return longest-shortest <= max(longest/10, 500) }

// ours says whether a connection was lost because of the scrapelog instance.
func (c Cause) ours() bool {
	switch c {
	case CauseInstanceLost, CauseInstanceStop, CauseInstanceExhausted:
		return true
	}
	return false
}
