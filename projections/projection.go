package projections

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

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
	// tables lists the rows by table.
	tables() []tableRows
	// load fetches, at once, the rows that the events will touch.
	load(ctx context.Context, events []event) error
	apply(ctx context.Context, e event) error
}

// tableRows are the rows of one table.
type tableRows interface {
	// folded returns the table for a [Model].
	folded() Table
	// flush writes the changed rows if there are at least as many as least.
	flush(ctx context.Context, least int) error
}

// flush writes the changed rows of the tables that have at least as many as least.
func flush(ctx context.Context, rows folder, least int) error {
	for _, t := range rows.tables() {
		if err := t.flush(ctx, least); err != nil {
			return err
		}
	}
	return nil
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

// Names lists their names.
func Names() []string { return namesOf(All()) }

func namesOf(all []Projection) []string {
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = p.name
	}
	return names
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

// Wants reports whether events of a wire name change its rows.
func (p Projection) Wants(wireName string) bool { return slices.Contains(p.types, wireName) }

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
	if err := foldAll(ctx, b.rows, b.events, 1); err != nil {
		return fmt.Errorf("projection %s: %w", b.name, err)
	}
	b.events = b.events[:0]
	return nil
}

// foldAll applies events to the rows of one projection, and writes the changed rows of the
// tables that have at least as many as least.
func foldAll(ctx context.Context, rows folder, events []event, least int) error {
	if len(events) == 0 {
		return nil
	}
	if err := rows.load(ctx, events); err != nil {
		return fmt.Errorf("from position %d: %w", events[0].position, err)
	}
	for _, e := range events {
		if err := rows.apply(ctx, e); err != nil {
			return fmt.Errorf("from position %d: %w", e.position, err)
		}
	}
	if err := flush(ctx, rows, least); err != nil {
		return fmt.Errorf("from position %d: %w", events[0].position, err)
	}
	return nil
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
