package projections

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// log is where a replay reads: *eventstore.Store.
type log interface {
	Head(ctx context.Context) (int64, error)
	Read(ctx context.Context, q eventstore.Query) ([]eventstore.Recorded, error)
	ByPosition(ctx context.Context, position int64) (eventstore.Recorded, error)
}

// replay folds models from the start of the log. It needs memory for every row
// there is, and nothing of the database but to read the log.
type replay struct {
	log      log
	models   []*model
	progress func(done, head int64)
	seen     func(rec eventstore.Recorded) // is shown every event, known or not; may be nil
	at       int64                         // the position that is being folded
	done     int64                         // the position that is folded
}

func newReplay(from log, names []string, progress func(done, head int64)) (*replay, error) {
	r := &replay{log: from, progress: progress}
	if r.progress == nil {
		r.progress = func(int64, int64) {}
	}
	for _, p := range All() {
		if len(names) == 0 || slices.Contains(names, p.name) {
			r.models = append(r.models, newModel(p))
		}
	}
	for _, name := range names {
		if _, err := find(name); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// to folds on to a position, which the log must reach; a model stops at its last.
// Reading goes ahead of folding.
func (r *replay) to(ctx context.Context, position int64) error {
	if position <= r.done {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	pages := make(chan []eventstore.Recorded, 2)
	group.Go(func() error {
		defer close(pages)
		return r.readPages(ctx, r.done, position, pages)
	})
	group.Go(func() error {
		for page := range pages {
			if err := r.fold(ctx, page); err != nil {
				return err
			}
			r.progress(r.done, position)
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	return nil
}

func (r *replay) readPages(ctx context.Context, done, position int64, pages chan<- []eventstore.Recorded) error {
	for done < position {
		page, err := r.log.Read(ctx, eventstore.Query{After: done, Until: position, Limit: pageSize})
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return fmt.Errorf("the log ends at position %d, before %d", done, position)
		}
		select {
		case pages <- page:
			done = page[len(page)-1].Position
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (r *replay) fold(ctx context.Context, page []eventstore.Recorded) error {
	for _, rec := range page {
		r.at = rec.Position
		if r.seen != nil {
			r.seen(rec)
		}
		if err := r.apply(ctx, rec); err != nil {
			return fmt.Errorf("position %d: %w", rec.Position, err)
		}
		r.done = rec.Position
	}
	return nil
}

func (r *replay) apply(ctx context.Context, rec eventstore.Recorded) error {
	current := domain.Current(rec.Type)
	wanted := func(m *model) bool { return rec.Position <= m.last && slices.Contains(m.types, current) }
	if !slices.ContainsFunc(r.models, wanted) {
		return nil
	}
	e, err := rec.Event()
	if err != nil {
		return err
	}
	for _, m := range r.models {
		if wanted(m) {
			if err := m.rows.apply(ctx, rec.Position, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// State is what the read models say at a position, in short.
type State struct {
	Position   int64     `json:"position"`
	RecordedAt time.Time `json:"recorded_at,omitzero"` // of the event there; zero at position 0
	Counts     Counts    `json:"counts,omitempty"`     // of runs; nil if they were not replayed
	Scrapers   *int      `json:"scrapers,omitempty"`   // in service; nil likewise
}

func (r *replay) state(ctx context.Context) (State, error) {
	s := State{Position: r.done}
	for _, m := range r.models {
		switch f := m.rows.(type) {
		case *runFold:
			s.Counts = Counts{}
			for _, status := range domain.Statuses {
				s.Counts[status] = f.counts[status]
			}
		case *scraperFold:
			inService := 0
			for _, row := range f.scrapers.held {
				if !row.ConfiguredAt.IsZero() && !row.Removed {
					inService++
				}
			}
			s.Scrapers = &inService
		}
	}
	if r.done == 0 {
		return s, nil
	}
	last, err := r.log.ByPosition(ctx, r.done)
	s.RecordedAt = last.RecordedAt
	return s, err
}
