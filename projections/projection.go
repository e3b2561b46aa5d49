package projections

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/feed"
)

// Projection is one read model: its tables and the events that fill them.
type Projection struct {
	name    string
	version int64 // raise it when the tables or the fold change: the next start rebuilds them
	tables  []table
	types   []string
	fold    func(place) folder
}

// folder applies events to rows that it holds in memory until flush writes them.
type folder interface {
	// held lists the tables as they are folded, for a [Model].
	held() []Table
	// load fetches, at once, the rows that the events will touch.
	load(ctx context.Context, events []event) error
	apply(ctx context.Context, e event) error
	flush(ctx context.Context) error
}

// event is an event that is to be applied.
type event struct {
	position int64
	id       uuid.UUID
	domain.Event
}

// All lists the projections. A name is also that of the consumer group:
// changing one rebuilds the read model from the start of the log, and leaves the
// old group behind as one that has stopped.
func All() []Projection {
	return []Projection{runProjection, scraperProjection, outageProjection, laneProjection}
}

// Name is the name of the projection and of its consumer group.
func (p Projection) Name() string { return p.name }

// Version is raised with every change of the tables or of the fold.
func (p Projection) Version() int64 { return p.version }

// Tables lists the names of its tables.
func (p Projection) Tables() []string {
	names := make([]string, len(p.tables))
	for i, t := range p.tables {
		names[i] = t.name
	}
	return names
}

// Types lists the wire names of the events that change its rows. It may be
// given any other event: nothing happens.
func (p Projection) Types() []string { return p.types }

// Apply writes what follows from one event, in the transaction that moves the
// consumer group's offset; when the feed hands out a batch of events, at the end
// of the batch. Applying an event twice leaves the same rows. An e that is nil,
// of a type this program does not know, changes nothing.
func (p Projection) Apply(ctx context.Context, tx *sql.Tx, rec eventstore.Recorded, e domain.Event) error {
	if e == nil || e.ScraperName() == "" {
		return nil
	}
	begin := func() *batch {
		return &batch{Projection: p, rows: p.fold(place{querier: tx, dialect: eventstore.DialectFrom(ctx)})}
	}
	b, kept := feed.Keep(ctx, begin)
	if !kept {
		b = begin()
	}
	b.events = append(b.events, event{rec.Position, rec.ID, e})
	if kept {
		return nil
	}
	return b.Flush(ctx)
}

// batch is what events of one transaction come to. Their rows are read together
// and written together, which costs a small part of doing it event by event.
type batch struct {
	Projection
	rows   folder
	events []event
}

// Flush implements feed.Unwritten.
func (b *batch) Flush(ctx context.Context) error {
	if err := b.rows.load(ctx, b.events); err != nil {
		return b.failed(b.events[0].position, err)
	}
	for _, e := range b.events {
		if err := b.rows.apply(ctx, e); err != nil {
			return b.failed(e.position, err)
		}
	}
	if err := b.rows.flush(ctx); err != nil {
		return b.failed(b.events[0].position, err)
	}
	b.events = b.events[:0]
	return nil
}

func (p Projection) failed(position int64, err error) error {
	return fmt.Errorf("projection %s: from position %d: %w", p.name, position, err)
}

// Find returns the projection of a name, or domain.ErrNotFound.
func Find(name string) (Projection, error) {
	for _, p := range All() {
		if p.name == name {
			return p, nil
		}
	}
	return Projection{}, fmt.Errorf("projection %q: %w", name, domain.ErrNotFound)
}
