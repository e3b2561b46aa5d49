// Package ready decides whether this instance does its work, and answers until it
// can.
package ready

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"scrapelog/eventstore/feed"
	"scrapelog/eventstore/proof"
)

const (
	timeout    = 2 * time.Second  // for the database to answer
	mostBehind = 5 * time.Second  // how old the next event of a group may be
	mostSilent = 6 * time.Second  // how old the last beat of this instance may be
	clockSaid  = 10 * time.Minute // how long a change of the clock is reported
)

// Instance is what Checker asks of the work under one instance id.
type Instance interface {
	Stopping() bool
	Doing() string // the step of the start in progress; empty: it is over
	Least() int64  // the position that each read model must have reached; see [Startup]
	LastBeat() (ago time.Duration, err error)
	Overdue() string // the slot that could not be started; empty: none
	Unrecorded() (runs int, why error)
	ClockSet() (by, ago time.Duration)
}

// Checker lists why this instance does not do its work. All fields are required.
type Checker struct {
	CannotWrite func(ctx context.Context) (reasons []string)
	Groups      func(ctx context.Context) ([]feed.Group, error)
	Relays      func(ctx context.Context) ([]feed.Group, error)
	Current     func() (i Instance, ok bool)  // not ok: starting, stopping, or between two instance ids
	Sealing     func() proof.State            // of the proof of the log
	Found       func() (wrong, weak []string) // by the inspection of the database
	Damage      func() string                 // by the last verification; empty: nothing
	Witnesses   func() map[string]string      // troubles with the witnesses of the log, by names that stay the same
	GivenUp     func(ctx context.Context) (notices int64, err error)
	Refused     func() (since time.Time, why string) // the configuration file was read again and is not in force
	Shortages   func() []string                      // of connections, streams and descriptors
}

// Reasons returns every reason why this instance does not do its work; none: it is
// ready.
func (c *Checker) Reasons(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	reasons := c.ofInstance()
	if refused := c.Sealing().Refused; refused != "" {
		reasons = append(reasons, "sealing was refused: "+refused)
	}
	wrong, _ := c.Found()
	reasons = append(reasons, wrong...)
	reasons = append(reasons, c.CannotWrite(ctx)...)
	groups, err := c.Groups(ctx)
	if err != nil {
		return append(reasons, fmt.Sprintf("the database does not answer: %v", err))
	}
	var least int64
	if i, ok := c.Current(); ok {
		least = i.Least()
	}
	for _, g := range groups {
		reasons = append(reasons, ofGroup(g, least)...)
	}
	return reasons
}

// Warnings returns what is degraded and does not keep this instance from its work.
func (c *Checker) Warnings(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var warnings []string
	if i, ok := c.Current(); ok {
		if by, ago := i.ClockSet(); by != 0 && ago < clockSaid {
			warnings = append(warnings, fmt.Sprintf("the clock was set by %s, %s ago", by.Round(time.Second), ago.Truncate(time.Second)))
		}
	}
	if n, err := c.GivenUp(ctx); err == nil && n > 0 {
		warnings = append(warnings, fmt.Sprintf("notices given up: %d; see scrapelog notices list --state given_up", n))
	}
	if since, why := c.Refused(); why != "" {
		warnings = append(warnings, fmt.Sprintf("the configuration file is refused since %s, and the one before it is in force: %s", since.UTC().Format(time.RFC3339), why))
	}
	witnesses := c.Witnesses()
	for _, name := range slices.Sorted(maps.Keys(witnesses)) {
		warnings = append(warnings, witnesses[name])
	}
	if relays, err := c.Relays(ctx); err == nil {
		for _, r := range relays {
			warnings = append(warnings, ofGroup(r, 0)...)
		}
	}
	_, weak := c.Found()
	return slices.Concat(warnings, c.Shortages(), c.Sealing().Warnings(), weak)
}

// ofInstance returns the reasons that lie in this instance.
func (c *Checker) ofInstance() (reasons []string) {
	i, ok := c.Current()
	if !ok {
		return []string{"starting or stopping"}
	}
	if doing := i.Doing(); i.Stopping() {
		reasons = append(reasons, "stopping")
	} else if doing != "" {
		reasons = append(reasons, "starting: "+doing)
	}
	if ago, err := i.LastBeat(); ago > mostSilent {
		reason := fmt.Sprintf("this instance could not say that it lives for %s", ago.Truncate(time.Second))
		if err != nil {
			reason += fmt.Sprintf(": %v", err)
		}
		reasons = append(reasons, reason)
	}
	if overdue := i.Overdue(); overdue != "" {
		reasons = append(reasons, overdue)
	}
	if n, why := i.Unrecorded(); n > 0 {
		reasons = append(reasons, fmt.Sprintf("%d ended runs wait to be recorded: %v", n, why))
	}
	return reasons
}

// ofGroup returns the reasons that lie in a consumer group of the log, which must have
// come to the position least.
func ofGroup(g feed.Group, least int64) (reasons []string) {
	switch {
	case g.Lag < 0:
		reasons = append(reasons, fmt.Sprintf("%s is blocked: its offset %d lies past the end of the log at %d; stop the service and run scrapelog db repair-guards", g.Name, g.Position, g.Position+g.Lag))
	case g.BlockedBy != "":
		reasons = append(reasons, fmt.Sprintf("%s is blocked at %s", g.Name, g.BlockedBy))
	case g.Position < least:
		reasons = append(reasons, fmt.Sprintf("starting: %s reads the log", g.Name))
	case g.Behind > mostBehind:
		reasons = append(reasons, fmt.Sprintf("%s is %s behind", g.Name, g.Behind.Truncate(time.Millisecond)))
	}
	if g.DeadLetters > 0 {
		reasons = append(reasons, fmt.Sprintf("events that %s gave up: %d; see scrapelog events dead-letters list", g.Name, g.DeadLetters))
	}
	return reasons
}

// Troubles returns what is wrong with the log and with its readers: a sentence for each,
// by a name that stays the same while it lasts. The error says that nothing is known.
func (c *Checker) Troubles(ctx context.Context) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	groups, err := c.Groups(ctx)
	if err != nil {
		return nil, err
	}
	troubles := map[string]string{}
	if refused := c.Sealing().Refused; refused != "" {
		troubles["sealing was refused"] = refused
	}
	if wrong, _ := c.Found(); len(wrong) > 0 {
		troubles["the log is damaged"] = strings.Join(wrong, "; ")
	}
	if damage := c.Damage(); damage != "" {
		troubles["the log failed its verification"] = damage
	}
	maps.Copy(troubles, c.Witnesses())
	for _, g := range groups {
		if g.BlockedBy != "" {
			troubles[g.Name+" is blocked"] = g.Name + " is blocked at " + g.BlockedBy
		}
		if g.DeadLetters > 0 {
			troubles["events that "+g.Name+" gave up"] = fmt.Sprintf("events that %s gave up: %d; see scrapelog events dead-letters list", g.Name, g.DeadLetters)
		}
	}
	return troubles, nil
}
