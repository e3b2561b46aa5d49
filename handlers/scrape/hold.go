package scrape

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/handlers/dial"
)

// hold is a run that the supervisor follows. It is kept after the run's end until the
// run is no longer in the list of open runs: a list that was read before the end was
// committed must not cause a second POST.
type hold struct {
	id      uuid.UUID
	ctx     context.Context // cancelled with a cause to end the stream
	end     context.CancelCauseFunc
	heardAt atomic.Pointer[time.Time]
	watched atomic.Pointer[domain.Run] // set if the run has a watcher

	settled    bool  // the end is recorded, or needs no record; guarded by Supervisor.mu
	unrecorded error // why the end could not be recorded yet; guarded by Supervisor.mu
}

func (h *hold) alive(at time.Time) { h.heardAt.Store(&at) }

// admission decides about open runs that are not held yet.
type admission int

const (
	take     admission = iota // follow it
	turnAway                  // end it without a POST, because this instance is stopping
)

// pull compares the open runs of this instance with the held ones. It begins new runs
// and drops the streams of runs that have ended otherwise.
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

// pulled logs once that reading open runs fails, and once that it works again.
func (s *Supervisor) pulled(ctx context.Context, err error) bool {
	switch {
	case err != nil && ctx.Err() == nil && !s.pullFailed:
		s.pullFailed = true
		s.Logger.Warn("open runs not read, retrying", "error", err)
	case err == nil && s.pullFailed:
		s.pullFailed = false
		s.Logger.Info("open runs read again")
	}
	return err == nil
}

// begin starts to follow a run. The caller must hold s.mu.
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
		c := o.command()
		if s.Trace != nil {
			o.trace(s.Trace, c)
		}
		if c != nil {
			s.record(h, c, o.endedAt)
		}
	}()
}

// settle marks a hold as finished.
func (s *Supervisor) settle(h *hold) {
	h.end(errEnded) // releases the context
	s.mu.Lock()
	defer s.mu.Unlock()
	h.settled, h.unrecorded = true, nil
	s.unsettled--
	close(s.settling)
	s.settling = make(chan struct{})
}

// carry loads a run and follows it to its end.
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

// aside calls do in another goroutine and waits for it, so that its stack is released
// afterwards: a goroutine keeps a large stack after deep calls, and a stream is held
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

// open returns the number of runs that are not settled, and a channel that is closed
// when the number changes.
func (s *Supervisor) open() (int, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unsettled, s.settling
}
