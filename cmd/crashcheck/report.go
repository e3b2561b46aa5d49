package main

import (
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
)

// shown is how many violations are told; the rest is counted.
const shown = 20

func report(w io.Writer, r result) error {
	fmt.Fprintf(w, "%d kills of %d lives in %s (%.1f a second): %d runs, %d POSTs, %d acknowledged writes, %d events\n",
		r.kills, r.lives, r.lasted.Round(100*time.Millisecond), float64(r.kills)/r.lasted.Seconds(), r.runs, r.posts, r.acks, r.events)
	for _, how := range r.fell[:min(len(r.fell), shown)] {
		fmt.Fprintln(w, "a life ended by itself:", how)
	}
	fmt.Fprintf(w, "the machine stood still for %s meanwhile\n", r.stalled.Round(time.Millisecond))
	fmt.Fprintf(w, "%d violations\n", len(r.violations))
	for _, v := range r.violations[:min(len(r.violations), shown)] {
		fmt.Fprintln(w, " ", v)
		if v.Run != uuid.Nil {
			fmt.Fprint(w, r.story(v.Run))
		}
	}
	if len(r.violations) > 0 {
		fmt.Fprintln(w, "kept:", r.dir)
		return errViolated
	}
	return nil
}
