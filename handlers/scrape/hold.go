package scrape

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/handlers/dial"
)

// hold is a run in the supervisor's hands. It is kept past the run's end, until
// the run has left the list of open ones: a list that was read before the end
// was committed must not get the run POSTed again.
type hold struct {
	id      uuid.UUID
	ctx     context.Context // ends, with a cause, when the stream is to end
	end     context.CancelCauseFunc
	heardAt atomic.Pointer[time.Time]
	watched atomic.Pointer[domain.Run] // set once it is known that the run lives with a watcher

	settled    bool  // recorded, or nothing to record; guarded by Supervisor.mu
	unrecorded error // ended, and why the log did not take it yet; likewise
}

func (h *hold) alive(at time.Time) { h.heardAt.Store(&at) }

// admission is what becomes of an open run that is not held yet.
type admission int

const (
	take     admission = iota // follow it
	turnAway                  // end it without a POST: we are stopping
)

// pull compares the open runs of this instance with those in hand: new ones are
// begun, and the streams of those that ended otherwise are dropped.
func (s *Supervisor) pull(ctx context.Context, found admission) {
	settled := s.settledNow()
	open, err := s.OpenRuns(ctx, s.Instance)
	if !s.pulled(ctx, err) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	still := make(map[uuid.UUID]bool, len(open))
	for _, id := range open {
		still[id] = true
		if s.holds[id] == nil {
			s.begin(id, found)
		}
	}
	for id, h := range s.holds {
		switch {
		case still[id]:
		case settled[id]:
			delete(s.holds, id)
		default:
			h.end(errEnded)
		}
	}
}

// pulled logs that pulling fails, and that it works again, once each.
func (s *Supervisor) pulled(ctx context.Context, err error) bool {
	switch {
	case err != nil && ctx.Err() == nil && !s.pullFailed:
		s.pullFailed = true
		s.Logger.Warn("open runs cannot be read; trying on", "error", err)
	case err == nil && s.pullFailed:
		s.pullFailed = false
		s.Logger.Info("open runs can be read again")
	}
	return err == nil
}

// begin takes a run in hand. s.mu is held.
func (s *Supervisor) begin(id uuid.UUID, found admission) {
	h := &hold{id: id}
	h.ctx, h.end = context.WithCancelCause(s.recording)
	if found == turnAway {
		h.end(errStopped)
	}
	s.holds[id] = h
	s.unsettled++
	go func() {
		defer s.settle(h)
		o := s.carry(h)
		if c := o.command(); c != nil {
			s.record(h, c, o.endedAt)
		}
	}()
}

// settle marks a hold as done with.
func (s *Supervisor) settle(h *hold) {
	h.end(errEnded) // frees what hangs on the context
	s.mu.Lock()
	defer s.mu.Unlock()
	h.settled, h.unrecorded = true, nil
	s.unsettled--
	close(s.settling)
	s.settling = make(chan struct{})
}

// carry follows a run from its load to its end.
func (s *Supervisor) carry(h *hold) outcome {
	opened := s.opening.take(h.ctx)
	defer opened()
	var run domain.Run
	var cfg dial.Target
	var err error
	aside(func() { run, cfg, err = s.prepare(h) })
	if own := context.Cause(h.ctx); own != nil || err != nil {
		return outcome{run: domain.Run{ID: h.id}, own: own, err: err, endedAt: time.Now()}
	}
	if run.Watcher != "" {
		h.watched.Store(&run)
	}
	return follow(h.ctx, h.end, run, cfg, opened, h.alive)
}

// aside does something on a stack of its own, which is given back: a goroutine
// that has once been deep in a database keeps a large one, and a stream is held
// for hours.
func aside(do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	<-done
}

func (s *Supervisor) endAll(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.holds {
		h.end(why)
	}
}

func (s *Supervisor) settledNow() map[uuid.UUID]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	settled := map[uuid.UUID]bool{}
	for id, h := range s.holds {
		if h.settled {
			settled[id] = true
		}
	}
	return settled
}

// open is how many runs have not come to rest, and a channel that closes when
// that changes.
func (s *Supervisor) open() (int, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unsettled, s.settling
}
