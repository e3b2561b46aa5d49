package main

import (
	"fmt"
	"io"
	"time"
)

// shown is how many violations are told; the rest is counted.
const shown = 40

func report(w io.Writer, r result) error {
	fmt.Fprintf(w, "%d kills of %d lives in %s (%.1f a second): %d runs, %d POSTs, %d acknowledged writes, %d events\n",
		r.kills, r.lives, r.lasted.Round(100*time.Millisecond), float64(r.kills)/r.lasted.Seconds(), r.runs, r.posts, r.acks, r.events)
	fmt.Fprintf(w, "%d violations\n", len(r.violations))
	for _, v := range r.violations[:min(len(r.violations), shown)] {
		fmt.Fprintln(w, " ", v)
	}
	if len(r.violations) > 0 {
		return errViolated
	}
	return nil
}
