package command

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// HandleAll decides many commands at once and returns, for each, what Handle returns as
// its error. What they need is read with one statement for the streams and one for the
// guards, and the events are appended together. A command that met another append, one
// of these or one from elsewhere, is handled again by itself.
func (h *Handler) HandleAll(ctx context.Context, orders []domain.Order) []error {
	_, errs := h.handleAll(ctx, orders)
	return errs
}

func (h *Handler) handleAll(ctx context.Context, orders []domain.Order) ([][]eventstore.Recorded, []error) {
	recorded, errs := make([][]eventstore.Recorded, len(orders)), make([]error, len(orders))
	read, err := h.readAll(ctx, orders)
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
		return recorded, errs
	}
	of := *h
	of.Log = read
	var changes []eventstore.Append
	var decided []decision
	var places []int
	for i, order := range orders {
		order.By.At = h.stamp(order.By.At)
		var d decision
		if d, errs[i] = of.decide(ctx, order.Command, order.By); errs[i] == nil && len(d.change.Events) > 0 {
			changes, decided, places = append(changes, d.change), append(decided, d), append(places, i)
		}
	}
	began := time.Now()
	for n, result := range h.Log.AppendAll(ctx, changes) {
		i := places[n]
		if recorded[i], errs[i] = result.Recorded, result.Err; errors.Is(result.Err, eventstore.ErrConflict) {
			recorded[i], errs[i] = h.Handle(ctx, orders[i].Command, orders[i].By)
			continue
		}
		h.done(ctx, decided[n].fact, result.Recorded, result.Err, began)
	}
	return recorded, errs
}

// read is a log of which the parts that many commands need were read at once.
type read struct {
	Log
	streams  map[string][]eventstore.Recorded
	scrapers map[string]eventstore.ScraperState
	guards   map[string]domain.Guard
}

// readAll reads the streams of the runs and the scrapers that the orders name, and then
// what those name in turn: the runs that are recovered, and the guards of scrapers.
func (h *Handler) readAll(ctx context.Context, orders []domain.Order) (r *read, err error) {
	r = &read{Log: h.Log, streams: map[string][]eventstore.Recorded{}}
	var streams, scrapers, guards []string
	for _, order := range orders {
		switch c := order.Command.(type) {
		case domain.StartScrape:
			scrapers = append(scrapers, c.Scraper)
			if c.RunID != uuid.Nil {
				streams = append(streams, domain.RunStream(c.RunID))
			}
		case domain.ScraperCommand:
			scrapers = append(scrapers, c.ScraperName())
		case domain.RunCommand:
			streams = append(streams, domain.RunStream(c.Run()))
		}
	}
	if err := r.readStreams(ctx, streams); err != nil {
		return nil, err
	}
	if len(scrapers) > 0 {
		if r.scrapers, err = h.Log.Scrapers(ctx, scrapers); err != nil {
			return nil, err
		}
	}
	streams = nil
	for _, order := range orders {
		switch c := order.Command.(type) {
		case domain.StartScrape:
			if lost := r.scrapers[c.Scraper].LostRun; c.Trigger == domain.TriggerRecovery && lost != uuid.Nil {
				streams = append(streams, domain.RunStream(lost))
			}
		case domain.ReportConnectionRestored:
			if history := r.streams[domain.RunStream(c.Run())]; len(history) > 0 {
				guards = append(guards, history[0].Scraper())
			}
		}
	}
	if len(guards) > 0 {
		if r.guards, err = h.Log.GuardsOf(ctx, guards); err != nil {
			return nil, err
		}
	}
	return r, r.readStreams(ctx, streams)
}

func (r *read) readStreams(ctx context.Context, streams []string) error {
	if len(streams) == 0 {
		return nil
	}
	found, err := r.Log.ReadStreams(ctx, streams)
	for _, stream := range streams {
		r.streams[stream] = found[stream]
	}
	return err
}

// ReadStream implements Log.
func (r *read) ReadStream(ctx context.Context, stream string, afterVersion int64) ([]eventstore.Recorded, error) {
	if events, ok := r.streams[stream]; ok && afterVersion == 0 {
		return events, nil
	}
	return r.Log.ReadStream(ctx, stream, afterVersion)
}

// Scraper implements Log.
func (r *read) Scraper(ctx context.Context, name string) (domain.Scraper, int64, error) {
	if s, ok := r.scrapers[name]; ok {
		return s.Scraper, s.Version, nil
	}
	return r.Log.Scraper(ctx, name)
}

// Guard implements Log.
func (r *read) Guard(ctx context.Context, scraper string) (domain.Guard, error) {
	if guard, ok := r.guards[scraper]; ok {
		return guard, nil
	}
	return r.Log.Guard(ctx, scraper)
}
