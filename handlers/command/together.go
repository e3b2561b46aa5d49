package command

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// HandleAll decides many commands at once and answers each as Handle does. What they
// need is read with one statement for all streams and one for all guards, and their
// events are appended together: in the order of the commands in the transaction of ctx,
// else in any order. Those that met another append are decided again.
func (h *Handler) HandleAll(ctx context.Context, orders []domain.Order) []eventstore.Appended {
	answers, left := make([]eventstore.Appended, len(orders)), make([]int, len(orders))
	orders = slices.Clone(orders)
	for i := range orders {
		left[i], orders[i].By.At = i, h.stamp(orders[i].By.At)
	}
	for range attempts {
		if left = h.handleEach(ctx, orders, left, answers); len(left) == 0 {
			return answers
		}
	}
	for _, i := range left {
		answers[i].Err = overtaken(orders[i].Command)
	}
	return answers
}

// handleEach handles the orders at these places once and returns the places of those
// that met another append.
func (h *Handler) handleEach(ctx context.Context, orders []domain.Order, places []int, answers []eventstore.Appended) (conflicts []int) {
	here := *h
	read, err := h.readAll(ctx, orders, places)
	if err != nil {
		for _, i := range places {
			if answers[i].Err = err; !errors.Is(err, eventstore.ErrUnavailable) { // what one of them needs cannot be read
				answers[i].Recorded, answers[i].Err = h.Handle(ctx, orders[i].Command, orders[i].By)
			}
		}
		return nil
	}
	here.Log = read
	var changes []eventstore.Append
	var decided []decision
	var deciders []int
	for _, i := range places {
		d, err := here.decide(ctx, orders[i].Command, orders[i].By)
		if answers[i].Err = err; err == nil && len(d.change.Events) > 0 {
			changes, decided, deciders = append(changes, d.change), append(decided, d), append(deciders, i)
		}
	}
	began := time.Now()
	for n, appended := range h.Log.AppendAll(ctx, changes) {
		answers[deciders[n]] = appended
		if errors.Is(appended.Err, eventstore.ErrConflict) {
			conflicts = append(conflicts, deciders[n])
			continue
		}
		h.done(ctx, decided[n], appended.Recorded, appended.Err, began)
	}
	return conflicts
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
func (h *Handler) readAll(ctx context.Context, orders []domain.Order, places []int) (r *read, err error) {
	r = &read{Log: h.Log, streams: map[string][]eventstore.Recorded{}}
	var runs, scrapers, recovered, guards []string
	for _, i := range places {
		switch c := orders[i].Command.(type) {
		case domain.StartScrape:
			runs, scrapers = append(runs, domain.RunStream(c.RunID)), append(scrapers, c.Scraper)
		case domain.ScraperCommand:
			scrapers = append(scrapers, c.ScraperName())
		case domain.RunCommand:
			runs = append(runs, domain.RunStream(c.Run()))
		}
	}
	if err := errors.Join(r.readStreams(ctx, runs), r.readScrapers(ctx, scrapers)); err != nil {
		return nil, err
	}
	for _, i := range places {
		switch c := orders[i].Command.(type) {
		case domain.StartScrape:
			if lost := r.scrapers[c.Scraper].LostRun; c.Trigger == domain.TriggerRecovery && lost != uuid.Nil {
				recovered = append(recovered, domain.RunStream(lost))
			}
		case domain.ReportConnectionRestored:
			if history := r.streams[domain.RunStream(c.Run())]; len(history) > 0 {
				guards = append(guards, history[0].Scraper())
			}
		default: // names no more
		}
	}
	return r, errors.Join(r.readStreams(ctx, recovered), r.readGuards(ctx, guards))
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

func (r *read) readScrapers(ctx context.Context, names []string) (err error) {
	if len(names) > 0 {
		r.scrapers, err = r.Log.Scrapers(ctx, names)
	}
	return err
}

func (r *read) readGuards(ctx context.Context, names []string) (err error) {
	if len(names) > 0 {
		r.guards, err = r.Log.GuardsOf(ctx, names)
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
