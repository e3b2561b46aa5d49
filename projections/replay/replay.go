package replay

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/projections"
)

// log is where a replay reads: *eventstore.Store.
type log interface {
	projections.Log
	Head(ctx context.Context) (int64, error)
	ByPosition(ctx context.Context, position int64) (eventstore.Recorded, error)
}

// model is a model and how far it is folded.
type model struct {
	*projections.Model
	last int64 // it folds no event after this position
}

// replay folds models from the start of the log. It needs memory for every row
// there is, or for none but the scrapers' if the runs lie in a scratch database;
// and nothing of the log's database but to read the log.
type replay struct {
	log      log
	models   []*model
	scratch  *projections.Scratch // nil: all is held in memory
	yielding yielding
	progress func(done, head int64)
	seen     func(eventType string) // is told of every event, known or not; may be nil
	at       int64                  // the position that is being folded
	done     int64                  // the position that is folded
}

func newReplay(from log, names []string, progress func(done, head int64)) (*replay, error) {
	return newReplayIn(nil, from, names, progress)
}

func newReplayIn(runs *projections.Scratch, from log, names []string, progress func(done, head int64)) (*replay, error) {
	r := &replay{log: from, scratch: runs, yielding: yielding{on: runs != nil, begun: time.Now()}, progress: progress}
	if r.progress == nil {
		r.progress = func(int64, int64) {}
	}
	for _, p := range projections.All() {
		if len(names) == 0 || slices.Contains(names, p.Name()) {
			r.models = append(r.models, &model{projections.NewModel(p, runs), math.MaxInt64})
		}
	}
	for _, name := range names {
		if _, err := projections.Find(name); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// close removes what the replay has written.
func (r *replay) close() {
	if r.scratch != nil {
		r.scratch.Close()
	}
}

// smallPage is how many events a replay folds before it rests: a page of another
// request must not wait for long.
const smallPage = 100

func (r *replay) pages() projections.Pages {
	size := projections.PageSize
	if r.yielding.on {
		size = smallPage
	}
	return projections.Pages{Log: r.log, Size: size, Wanted: r.wanted}
}

// to folds on to a position, which the log must reach; a model stops at its last.
func (r *replay) to(ctx context.Context, position int64) error {
	if position <= r.done {
		return nil
	}
	err := r.pages().Each(ctx, r.done, position, func(ctx context.Context, next projections.Page) error {
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
	return slices.ContainsFunc(r.models, func(m *model) bool { return m.Wants(wireName) })
}

func (r *replay) foldPage(ctx context.Context, next projections.Page) error {
	if r.scratch == nil {
		return r.fold(ctx, next)
	}
	return r.scratch.InTx(ctx, func() error {
		for _, m := range r.models {
			if err := m.Load(ctx, next); err != nil {
				return err
			}
		}
		if err := r.fold(ctx, next); err != nil {
			return err
		}
		for _, m := range r.models {
			if err := m.Flush(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *replay) fold(ctx context.Context, next projections.Page) error {
	for i, payload := range next.Payloads {
		r.at = payload.Position
		if r.seen != nil {
			r.seen(payload.Type)
		}
		if e := next.Events[i]; e != nil {
			if err := r.apply(ctx, payload, e); err != nil {
				return fmt.Errorf("position %d: %w", payload.Position, err)
			}
		}
		r.done = payload.Position
	}
	return nil
}

func (r *replay) apply(ctx context.Context, payload eventstore.Payload, e domain.Event) error {
	for _, m := range r.models {
		if payload.Position > m.last || !m.Wants(e.EventType()) {
			continue
		}
		if err := m.Apply(ctx, payload, e); err != nil {
			return err
		}
	}
	return nil
}

// State is what the read models say at a position, in short.
type State struct {
	Position   int64              `json:"position"`
	RecordedAt time.Time          `json:"recorded_at,omitzero"` // of the event there; zero at position 0
	Counts     projections.Counts `json:"counts,omitempty"`     // of runs; nil if they were not replayed
	Scrapers   *int               `json:"scrapers,omitempty"`   // in service; nil likewise
}

func (r *replay) state(ctx context.Context) (State, error) {
	s := State{Position: r.done}
	for _, m := range r.models {
		if counts := m.Counts(); counts != nil {
			s.Counts = counts
		}
		if n := m.InService(); n != nil {
			s.Scrapers = n
		}
	}
	if r.done == 0 {
		return s, nil
	}
	last, err := r.log.ByPosition(ctx, r.done)
	s.RecordedAt = last.RecordedAt
	return s, err
}
