package scrape

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/handlers/dial"
)

const (
	// attempt bounds one try to append: a database that hangs counts as down.
	attempt = 10 * time.Second
	// The wait after a try that failed doubles from the first to the last.
	firstWait, lastWait = 10 * time.Millisecond, time.Second
)

// actor is who the log says reported a run's end.
const actor = "supervisor"

// record gets a run's end into the log. It is never dropped: while the log does
// not take it, it waits here and is tried again, until it is in, refused (the run
// had another end first), or the process stops.
func (s *Supervisor) record(h *hold, c domain.RunCommand, at time.Time) {
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		err := s.try(h.id, c, at)
		if settles(err) {
			s.recorded(h, err)
			return
		}
		s.unrecorded(h, err)
		select {
		case <-s.recording.Done():
			return
		case <-time.After(wait):
		}
	}
}

func (s *Supervisor) try(run uuid.UUID, c domain.RunCommand, at time.Time) error {
	defer s.ending.take(s.recording)()
	ctx, cancel := context.WithTimeout(s.recording, attempt)
	defer cancel()
	_, err := s.Handle(ctx, c, domain.Origin{At: at, Actor: actor, Traceparent: dial.Traceparent(run)})
	return err
}

// settles says whether trying again is of no use.
func settles(err error) bool {
	return err == nil || errors.Is(err, domain.ErrFinished) || errors.Is(err, domain.ErrNotFound) || errors.Is(err, domain.ErrInvalid)
}

func (s *Supervisor) unrecorded(h *hold, err error) {
	s.mu.Lock()
	first := h.unrecorded == nil
	h.unrecorded = err
	s.mu.Unlock()
	if first {
		s.Logger.Warn("the end of a run cannot be recorded; trying on", "run", h.id, "error", err)
	}
}

func (s *Supervisor) recorded(h *hold, err error) {
	s.mu.Lock()
	late := h.unrecorded != nil
	s.mu.Unlock()
	switch {
	case errors.Is(err, domain.ErrNotFound), errors.Is(err, domain.ErrInvalid):
		s.Logger.Error("the end of a run was refused", "run", h.id, "error", err)
	case late:
		s.Logger.Info("the end of a run is recorded", "run", h.id)
	}
}
