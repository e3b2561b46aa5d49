package domain

import (
	"fmt"
	"strings"
	"time"
)

// Streak counts consecutive runs of a scraper that were lost in the same way:
// by the same cause, and either after about the same time or after the same last
// event. It is for people; no decision reads it. The zero value is no streak.
type Streak struct {
	Cause      Cause  `json:"cause"`
	Runs       int64  `json:"runs"`                 // how many runs in a row
	ShortestMS int64  `json:"shortest_ms"`          // of the times from start to loss
	LongestMS  int64  `json:"longest_ms"`           // likewise
	LastEvent  string `json:"last_event,omitempty"` // the last event of all of them; empty: there was none, or they differ
}

// IsZero reports whether no loss has repeated; JSON leaves such a streak out.
func (s Streak) IsZero() bool { return !s.Repeats() }

// Repeats reports whether the streak has at least two losses.
func (s Streak) Repeats() bool { return s.Runs > 1 }

// Alike reports whether the runs were lost after about the same time.
func (s Streak) Alike() bool { return aboutTheSame(s.ShortestMS, s.LongestMS) }

// String returns the streak as text: "lost the same way 38 times: eof after 12 to 13 s; a
// proxy or worker timeout?".
func (s Streak) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "lost the same way %d times: %s after %s", s.Runs, s.Cause, agesText(s.ShortestMS, s.LongestMS))
	if s.LastEvent != "" {
		fmt.Fprintf(&b, ", last event %q", s.LastEvent)
	}
	switch {
	case s.Alike() && s.ShortestMS >= likelyTimeout:
		b.WriteString("; a proxy or worker timeout?")
	case s.LastEvent != "" && s.LastEvent != "progress" && s.LastEvent != "beat":
		b.WriteString("; a run ends with the event completed or failed")
	}
	return b.String()
}

// likelyTimeout is the shortest time, in milliseconds, that people give a timeout
// between a server and its client.
const likelyTimeout = 5_000

// agesText is two times in the unit that suits the longer one.
func agesText(shortest, longest int64) string {
	for _, unit := range []struct {
		name string
		ms   int64
	}{{"h", 3_600_000}, {"min", 60_000}, {"s", 1_000}, {"ms", 1}} {
		if longest < 2*unit.ms && unit.ms > 1 {
			continue
		}
		from, to := shortest/unit.ms, longest/unit.ms
		if from == to {
			return fmt.Sprintf("%d %s", to, unit.name)
		}
		return fmt.Sprintf("%d to %d %s", from, to, unit.name)
	}
	return ""
}

// After returns the streak after e, an event of the scraper or of one of its runs.
// age is how long the run that e ends had been running. A run that completed or
// failed ends the streak. One that was cancelled says nothing about the scraper,
// nor does a loss for a reason of ours or of a watcher.
func (s Streak) After(e Event, age time.Duration) Streak {
	switch e := e.(type) {
	case ConnectionLost:
		if e.OfScraper() {
			return s.lost(e, max(0, ms(age)))
		}
	case RunCompleted, RunFailed:
		return Streak{}
	default:
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

// OfScraper reports whether the loss says something about the scraper: it is neither
// a watcher's nor for a reason of the scrapelog instance.
func (e ConnectionLost) OfScraper() bool { return e.Link == LinkScraper && !e.Cause.Ours() }

// Ours reports whether a connection was lost because of the scrapelog instance.
func (c Cause) Ours() bool {
	switch c {
	case CauseInstanceLost, CauseInstanceStop, CauseInstanceExhausted:
		return true
	default:
		return false
	}
}
