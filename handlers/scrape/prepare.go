package scrape

import (
	"context"
	"errors"
	"fmt"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/dial"
)

// prepare loads what a POST needs. It retries while the database is unavailable: the
// run is not POSTed and stays open. An error that it returns is final.
func (s *Supervisor) prepare(h *hold) (domain.Run, dial.Target, error) {
	for logged := false; ; logged = true {
		run, cfg, err := s.load(h.ctx, h)
		switch {
		case err == nil, h.ctx.Err() != nil:
			return run, cfg, nil
		case errors.Is(err, domain.ErrNotFound), errors.Is(err, domain.ErrInvalid):
			return run, cfg, &unsendable{err.Error()}
		}
		if !logged {
			s.Logger.Warn("run not loaded, retrying", "run", h.id, "error", err)
		}
		eventstore.Pause(h.ctx, poll)
	}
}

func (s *Supervisor) load(ctx context.Context, h *hold) (domain.Run, dial.Target, error) {
	run, err := s.LoadRun(ctx, h.id)
	if err != nil {
		return run, dial.Target{}, fmt.Errorf("run %s: %w", h.id, err)
	}
	if run.Status.Final() || run.Instance != s.Instance {
		h.end(errEnded)
		return run, dial.Target{}, nil
	}
	cfg, err := s.Config(ctx, run.Scraper)
	if err != nil {
		return run, cfg, fmt.Errorf("configuration of scraper %s: %w", run.Scraper, err)
	}
	return run, cfg, nil
}
