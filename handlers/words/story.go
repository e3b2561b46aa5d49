package words

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/projections"
)

// Story is a run with what its summary needs beside its row.
type Story struct {
	projections.Run
	Next     projections.Run // the run that recovered it; zero: none did
	HeardAt  time.Time       // the last sign of life of an open run, if it is known
	Standing bool            // a lost run that no newer one has superseded
	Waiting  string          // what its recovery waits for, in words
	Past     bool            // the run is shown as it stood after an event of the log
}

// Summary returns what became of a run in one or two sentences: "Lost after 10 s: the
// stream was cut in the middle of the transfer. Restarted 7 ms after the connection came
// back." The run's page and the command line show it.
func (s Story) Summary(now time.Time) string {
	into := Took(s.EndedAt.Sub(s.StartedAt.Time))
	switch s.Status {
	case domain.StatusRunning:
		return fmt.Sprintf("Running for %s%s.", Age(now.Sub(s.StartedAt.Time)), s.heard(now))
	case domain.StatusCompleted:
		return fmt.Sprintf("Completed in %s: %s.", into, s.brought())
	case domain.StatusFailed:
		return fmt.Sprintf("Failed after %s: %s.", into, Failure(s.Code, s.HTTPStatus))
	case domain.StatusConnectionFailed:
		return strings.TrimSpace(s.lost() + " " + s.recovery())
	case domain.StatusCancelled:
		return fmt.Sprintf("Cancelled after %s by %s%s.", into, cmp.Or(s.CancelledBy, "an unnamed user"), Because(s.CancelReason))
	}
	return fmt.Sprintf("The run is %s.", s.Status)
}

func (s Story) heard(now time.Time) string {
	if s.HeardAt.IsZero() {
		return ""
	}
	return "; last heard " + Age(now.Sub(s.HeardAt)) + " ago"
}

func (s Story) brought() string {
	if s.Items == nil {
		return "done"
	}
	return Items(*s.Items, s.MinItems)
}

// lost returns what was lost, when and why, with the length of a silence.
func (s Story) lost() string {
	into := Took(s.EndedAt.Sub(s.StartedAt.Time))
	switch {
	case s.Link == domain.LinkWatcher:
		return fmt.Sprintf("Stopped after %s: %s.", into, Cause(s.Cause))
	case s.Phase == domain.PhaseConnecting:
		return fmt.Sprintf("Not reached: %s.", Cause(s.Cause))
	case s.Cause == domain.CauseIdleTimeout && !s.LastHeardAt.IsZero():
		return fmt.Sprintf("Lost after %s: nothing was heard for %s.", into, Took(s.EndedAt.Sub(s.LastHeardAt)))
	}
	return fmt.Sprintf("Lost after %s: %s.", into, Cause(s.Cause))
}

// recovery returns what followed a loss, or what is waited for.
func (s Story) recovery() string {
	back, restarted := !s.RestoredAt.IsZero(), s.Next.ID != uuid.Nil
	switch {
	case restarted && back && s.Next.StartedAt.Sub(s.RestoredAt) < time.Millisecond:
		return "Restarted at once when the connection came back."
	case restarted && back:
		return fmt.Sprintf("Restarted %s after the connection came back.", Took(s.Next.StartedAt.Sub(s.RestoredAt)))
	case restarted:
		return fmt.Sprintf("Restarted %s after the loss.", Took(s.Next.StartedAt.Sub(s.EndedAt.Time)))
	case back && s.Standing:
		return fmt.Sprintf("The connection came back after %s; %s.", s.down(), cmp.Or(s.Waiting, "the new run has not started yet"))
	case back && s.Past:
		return fmt.Sprintf("The connection came back after %s.", s.down())
	case back:
		return fmt.Sprintf("The connection came back after %s, and no run was started for it.", s.down())
	case s.Standing && s.Waiting != "":
		return strings.ToUpper(s.Waiting[:1]) + s.Waiting[1:] + "."
	case s.Standing:
		return "A new run starts as soon as the connection is back."
	case s.Past:
		return "" // what was waited for then is in no event of the run
	}
	return "A newer run superseded it."
}

func (s Story) down() string {
	if s.DownForMS == nil {
		return "a while"
	}
	return Took(milliseconds(*s.DownForMS))
}
