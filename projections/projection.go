package projections

import (
	"context"
	"database/sql"
	"fmt"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Projection is one read model: its tables and the events that fill them.
type Projection struct {
	name    string
	version int64 // raise it when the tables or the fold change: the next start rebuilds them
	tables  []string
	indexes []string // <table>.index_<name>
	types   []string
	fold    func(place) folder
}

// folder applies events to rows that it holds in memory until flush writes them.
type folder interface {
	apply(ctx context.Context, position int64, e domain.Event) error
	flush(ctx context.Context) error
}

// All lists the projections. A name is also that of the consumer group:
// changing one rebuilds the read model from the start of the log, and leaves the
// old group behind as one that has stopped.
func All() []Projection {
	return []Projection{
		{
			name: "runs", version: 1, types: runTypes, fold: newRunFold,
			tables:  []string{"runs", "run_counts"},
			indexes: []string{"runs.index_newest", "runs.index_status", "runs.index_scraper", "runs.index_scraper_status", "runs.index_changed"},
		},
		{
			name: "scrapers", version: 1, types: domain.EventTypes, fold: newScraperFold,
			tables:  []string{"scrapers"},
			indexes: []string{"scrapers.index_changed"},
		},
	}
}

// Name is the name of the projection and of its consumer group.
func (p Projection) Name() string { return p.name }

// Types lists the wire names of the events that change its rows. It may be
// given any other event: nothing happens.
func (p Projection) Types() []string { return p.types }

// Apply writes what follows from one event, in the transaction that moves the
// consumer group's offset. Applying an event twice leaves the same rows. An e
// that is nil, of a type this program does not know, changes nothing.
func (p Projection) Apply(ctx context.Context, tx *sql.Tx, rec eventstore.Recorded, e domain.Event) error {
	if e == nil {
		return nil
	}
	f := p.fold(place{querier: tx})
	if err := f.apply(ctx, rec.Position, e); err != nil {
		return p.failed(rec.Position, err)
	}
	if err := f.flush(ctx); err != nil {
		return p.failed(rec.Position, err)
	}
	return nil
}

func (p Projection) failed(position int64, err error) error {
	return fmt.Errorf("projection %s: position %d: %w", p.name, position, err)
}

func find(name string) (Projection, error) {
	for _, p := range All() {
		if p.name == name {
			return p, nil
		}
	}
	return Projection{}, fmt.Errorf("projection %q: %w", name, domain.ErrNotFound)
}
