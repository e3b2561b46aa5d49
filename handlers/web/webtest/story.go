// Package webtest holds a canned service for the pages: a small log with every
// kind of run in it, read models that follow from it, and nothing that changes.
// Tests render it, and webtest/look serves it to be looked at.
package webtest

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Now is when the canned pages are made.
var Now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// Hostile is what a scraper may say of itself: markup, control characters, text
// that reads backwards and a word without an end.
const Hostile = "<script>alert(1)</script>\" onload='x' \x1b[31m\x00 \u202eevil\u202c {{.}} aVeryLongWordWithoutAnySpaceInItThatGoesOnAndOnAndOnAndOnAndOn"

// ago is a time before Now.
func ago(d time.Duration) time.Time { return Now.Add(-d) }

// RunID is the id of the n-th canned run.
func RunID(n int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("019a1b2c-3d4e-7f5a-8b6c-%012x", 0xa1b2c3d40000+n))
}

// The canned runs, by what they show.
var (
	Open      = RunID(1)
	Attached  = RunID(2)
	Lost      = RunID(3) // and its connection is not back
	Recovered = RunID(4)
	Recovery  = RunID(5) // recovers Recovered
	Failed    = RunID(6)
	Cancelled = RunID(7)
	Done      = RunID(8)
	Cut       = RunID(9)  // lost, with hostile detail, superseded
	Flapping  = RunID(10) // lost again and again: recovered by FlapTwo, and that by FlapThree
	FlapTwo   = RunID(11)
	FlapThree = RunID(12)
)
