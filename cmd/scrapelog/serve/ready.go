package serve

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"scrapelog/handlers/api"
)

// step is what must have happened, in this order, before the service does its
// work. That migrations are in comes before them all: nothing answers earlier.
type step int

const (
	stepSwept   step = iota // runs of dead instances are ended
	stepApplied             // the file's scrapers are in the log
	stepTicking             // slots are started
	steps
)

var stepWords = [steps]string{
	stepSwept:   "ending the runs of dead instances",
	stepApplied: "bringing the configured scrapers into the log",
	stepTicking: "reading the schedules",
}

// startup is how far a tenure has come.
type startup struct {
	mu       sync.Mutex
	next     step
	position int64 // of the log once the file's scrapers were in it
}

func (s *startup) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = 0
}

// done says that a step is done; they come in order.
func (s *startup) done(finished step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = finished + 1
}

// doing is what is being done; empty: the start is over.
func (s *startup) doing() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == steps {
		return ""
	}
	return stepWords[s.next]
}

// applied says that the file's scrapers are in the log, up to position.
func (s *startup) applied(position int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next, s.position = stepApplied+1, position
}

// shows is the position that whoever asks a service that is ready must see.
func (s *startup) shows() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.position
}

const (
	readyTimeout = 2 * time.Second  // for the database to answer
	mostBehind   = 5 * time.Second  // how old the next event of a group may be
	mostSilent   = 6 * time.Second  // how old the last beat of this instance may be
	clockSaid    = 10 * time.Minute // how long it is told that the clock was set
)

// ready says whether this instance does its work.
func (s *service) ready(ctx context.Context) api.Readiness {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	return api.Readiness{Reasons: s.reasons(ctx), Warnings: s.warnings()}
}

// silent says that this instance could not say that it lives, or could not start
// a slot.
func (t *tenure) silent() (reasons []string) {
	if ago, err := t.lock.LastBeat(); ago > mostSilent {
		reason := fmt.Sprintf("this instance could not say that it lives for %s", ago.Truncate(time.Second))
		if err != nil {
			reason += fmt.Sprintf(": %v", err)
		}
		reasons = append(reasons, reason)
	}
	if overdue := t.scheduler.Overdue(); overdue != "" {
		reasons = append(reasons, overdue)
	}
	return reasons
}

// warnings lists what is degraded and does not keep this instance from its work.
func (s *service) warnings() []string {
	var warnings []string
	if t := s.current.Load(); t != nil {
		if by, ago := t.keeper.ClockSet(); by != 0 && ago < clockSaid {
			warnings = append(warnings, fmt.Sprintf("the clock was set by %s, %s ago", by.Round(time.Second), ago.Truncate(time.Second)))
		}
	}
	_, weak := s.flaws.found()
	return slices.Concat(warnings, s.shortages(), s.sealer.State().Warnings(), weak)
}

// reasons lists every reason why this instance does not do its work.
func (s *service) reasons(ctx context.Context) []string {
	var reasons []string
	t := s.current.Load()
	switch doing := s.starts.doing(); {
	case t == nil:
		reasons = append(reasons, "starting or stopping")
	case t.ending():
		reasons = append(reasons, "stopping")
	case doing != "":
		reasons = append(reasons, "starting: "+doing)
	}
	if t != nil {
		reasons = append(reasons, t.silent()...)
		if n, why := t.supervisor.Unrecorded(); n > 0 {
			reasons = append(reasons, fmt.Sprintf("%d ended runs wait to be recorded: %v", n, why))
		}
	}
	if refused := s.sealer.Refused(); refused != "" {
		reasons = append(reasons, "sealing was refused: "+refused)
	}
	wrong, _ := s.flaws.found()
	reasons = append(reasons, wrong...)
	reasons = append(reasons, s.store.CannotWrite(ctx)...)
	groups, err := s.feed.GroupStates(ctx)
	if err != nil {
		return append(reasons, fmt.Sprintf("the database does not answer: %v", err))
	}
	for _, g := range groups {
		switch {
		case g.Lag < 0:
			reasons = append(reasons, fmt.Sprintf("%s is blocked: its offset %d lies past the end of the log at %d; stop the service and run scrapelog db repair-guards", g.Name, g.Position, g.Position+g.Lag))
		case g.BlockedBy != "":
			reasons = append(reasons, fmt.Sprintf("%s is blocked at %s", g.Name, g.BlockedBy))
		case g.Position < s.starts.shows():
			reasons = append(reasons, fmt.Sprintf("starting: %s reads the log", g.Name))
		case g.Behind > mostBehind:
			reasons = append(reasons, fmt.Sprintf("%s is %s behind", g.Name, g.Behind.Truncate(time.Millisecond)))
		}
		if g.DeadLetters > 0 {
			reasons = append(reasons, fmt.Sprintf("events that %s gave up: %d; see scrapelog events dead-letters list", g.Name, g.DeadLetters))
		}
	}
	return reasons
}
