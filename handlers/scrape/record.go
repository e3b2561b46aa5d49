package scrape

import (
	"context"
	"errors"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

const (
	// attempt limits one attempt to append: a database that hangs counts as down.
	attempt = 10 * time.Second
	// The wait after a failed attempt doubles from firstWait to lastWait.
	firstWait, lastWait = 10 * time.Millisecond, time.Second
)

// actor is the actor of events that end a run.
const actor = "supervisor"

// record appends a run's end to the log. It retries until the end is in the log, is
// refused because the run had another end first, or the process stops.
func (s *Supervisor) record(h *hold, c domain.RunCommand, at time.Time) {
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		err := s.try(c, at)
		if settles(err) {
			s.recorded(h, err)
			return
		}
		s.unrecorded(h, err)
		if !eventstore.Pause(s.recording, wait) {
			return
		}
	}
}

func (s *Supervisor) try(c domain.RunCommand, at time.Time) error {
	defer s.ending.take(s.recording)()
	ctx, cancel := context.WithTimeout(s.recording, attempt)
	defer cancel()
	_, err := s.Handle(ctx, c, domain.Origin{At: at, Actor: actor})
	return err
}

// settles reports whether retrying is useless.
func settles(err error) bool {
	return err == nil || errors.Is(err, domain.ErrFinished) || errors.Is(err, domain.ErrNotFound) || errors.Is(err, domain.ErrInvalid)
}

func (s *Supervisor) unrecorded(h *hold, err error) {
	s.mu.Lock()
	first := h.unrecorded == nil
	h.unrecorded = err
	s.mu.Unlock()
	if first {
		s.Logger.Warn("end of a run not recorded, retrying", "run", h.id, "error", err)
	}
}

func (s *Supervisor) recorded(h *hold, err error) {
	s.mu.Lock()
	late := h.unrecorded != nil
	s.mu.Unlock()
	switch {
	case errors.Is(err, domain.ErrNotFound), errors.Is(err, domain.ErrInvalid):
		s.Logger.Error("end of a run refused", "run", h.id, "error", err)
	case late:
		s.Logger.Info("end of a run recorded after retrying", "run", h.id)
	}
}
