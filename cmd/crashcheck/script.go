package main

import (
	"math/rand/v2"
	"time"

	"scrapelog/cmd/crashcheck/check"
)

// script is what a scraper does with one run.
type script struct {
	ending check.Ending
	steps  int           // progress events before the end
	pause  time.Duration // before each of them, and before the end
	items  int64
	hold   bool // leave the stream open after the last word
	cancel bool // cancel the run just before its end
}

// weights is how often each ending comes up.
var weights = []struct {
	ending check.Ending
	weight int
}{
	{check.Completed, 45}, {check.Failed, 10}, {check.Reset, 10}, {check.Truncated, 8}, {check.Clean, 8},
	{check.Silent, 6}, {check.Gateway, 4}, {check.Closed, 5}, {check.Rejected, 4},
}

func randomScript(rng *rand.Rand) script {
	s := script{
		ending: randomEnding(rng), steps: rng.IntN(5), pause: time.Duration(rng.IntN(8)) * time.Millisecond,
		items: rng.Int64N(1_000_000), hold: rng.IntN(3) == 0, cancel: rng.IntN(6) == 0,
	}
	if rng.IntN(8) == 0 { // one that a kill is likely to find open
		s.steps, s.pause = 10+rng.IntN(30), 30*time.Millisecond
	}
	return s
}

func randomEnding(rng *rand.Rand) check.Ending {
	total := 0
	for _, w := range weights {
		total += w.weight
	}
	n := rng.IntN(total)
	for _, w := range weights {
		if n -= w.weight; n < 0 {
			return w.ending
		}
	}
	return check.Completed
}

// calmScript lets everything come to rest.
var calmScript = script{ending: check.Completed, items: 1}
