package projections

import (
	"context"
	"fmt"
	"slices"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// log is where a replay reads: *eventstore.Store.
type log interface {
	Head(ctx context.Context) (int64, error)
	Payloads(ctx context.Context, after, until int64, limit int) ([]eventstore.Payload, error)
	ByPosition(ctx context.Context, position int64) (eventstore.Recorded, error)
}

// replay folds models from the start of the log. It needs memory for every row
// there is, or for none but the scrapers' if the runs lie in a scratch database;
// and nothing of the log's database but to read the log.
type replay struct {
	log      log
	models   []*model
	scratch  *scratch // nil: all is held in memory
	yielding yielding
	progress func(done, head int64)
	seen     func(eventType string) // is told of every event, known or not; may be nil
	at       int64                  // the position that is being folded
	done     int64                  // the position that is folded
}

func newReplay(from log, names []string, progress func(done, head int64)) (*replay, error) {
	return newReplayIn(nil, from, names, progress)
}

func newReplayIn(runs *scratch, from log, names []string, progress func(done, head int64)) (*replay, error) {
	r := &replay{log: from, scratch: runs, yielding: yielding{on: runs != nil, begun: time.Now()}, progress: progress}
	if r.progress == nil {
		r.progress = func(int64, int64) {}
	}
	for _, p := range All() {
		if len(names) == 0 || slices.Contains(names, p.name) {
			r.models = append(r.models, newModel(p, runs))
		}
	}
	for _, name := range names {
		if _, err := find(name); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// close removes what the replay has written.
func (r *replay) close() {
	if r.scratch != nil {
		r.scratch.close()
	}
}

// smallPage is how many events a replay folds before it rests: a page of another
// request must not wait for long.
const smallPage = 200

func (r *replay) pages() pages {
	size := pageSize
	if r.yielding.on {
		size = smallPage
	}
	return pages{r.log, size, r.wanted}
}

// to folds on to a position, which the log must reach; a model stops at its last.
func (r *replay) to(ctx context.Context, position int64) error {
	if position <= r.done {
		return nil
	}
	err := r.pages().each(ctx, r.done, position, func(ctx context.Context, next page) error {
		if err := r.foldPage(ctx, next); err != nil {
			return err
		}
		r.progress(r.done, position)
		return r.yielding.rest(ctx)
	})
	if err == nil && r.done < position {
		err = fmt.Errorf("the log ends at position %d, before %d", r.done, position)
	}
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	return nil
}

func (r *replay) wanted(wireName string) bool {
	return slices.ContainsFunc(r.models, func(m *model) bool { return slices.Contains(m.types, wireName) })
}

func (r *replay) foldPage(ctx context.Context, next page) error {
	if r.scratch == nil {
		return r.fold(ctx, next)
	}
	return r.scratch.inTx(ctx, func() error {
		events := next.known()
		for _, m := range r.models {
			if err := m.rows.load(ctx, events); err != nil {
				return err
			}
		}
		if err := r.fold(ctx, next); err != nil {
			return err
		}
		for _, m := range r.models {
			if err := m.flush(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *replay) fold(ctx context.Context, next page) error {
	for i, payload := range next.payloads {
		r.at = payload.Position
		if r.seen != nil {
			r.seen(payload.Type)
		}
		if e := next.events[i]; e != nil {
			if err := r.apply(ctx, payload.Position, e); err != nil {
				return fmt.Errorf("position %d: %w", payload.Position, err)
			}
		}
		r.done = payload.Position
	}
	return nil
}

func (r *replay) apply(ctx context.Context, position int64, e domain.Event) error {
	for _, m := range r.models {
		if position > m.last || !slices.Contains(m.types, e.EventType()) {
			continue
		}
		if err := m.rows.apply(ctx, position, e); err != nil {
			return err
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
