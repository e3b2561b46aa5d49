package replay

import (
	"context"
	"fmt"
	"slices"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/projections"
)

// Config says what is replayed, and what with it is compared.
type Config struct {
	Names   []string // of projections; none: all of them
	Until   int64    // a position; 0, or past what is kept: as far as that has come
	Against Kept
	// Background says that the process serves meanwhile: the runs lie in a temporary
	// file, so that memory stays bounded, and the replay rests between pieces of work.
	Background bool
	Progress   func(done, head int64) // may be nil
}

// MaxDifferences is how many differences a comparison lists; it counts them all.
const MaxDifferences = 100

// maxLocated is how many differences are held to find the event after which each
// is there. Of more, the rest are counted only.
const maxLocated = 10_000

// Comparison is a replay of the log beside the read models that are kept.
type Comparison struct {
	State                            // of the replay
	Equal       bool                 `json:"equal"`
	Projections []ProjectionResult   `json:"projections"`
	Differences []Difference         `json:"differences,omitempty"` // the first of them, in log order
	Differing   int                  `json:"differing"`             // rows
	First       *eventstore.Recorded `json:"first,omitempty"`       // the first event after which they differ
}

// ProjectionResult is the comparison of one projection.
type ProjectionResult struct {
	Name     string `json:"name"`
	Position int64  `json:"position"` // up to which it was replayed
	Kept     int64  `json:"kept"`     // up to which the kept one has come
	Rows     int    `json:"rows"`     // compared
	// Changed counts the rows that the log changes between Position and Kept. They
	// are no longer what they were at Position and are passed over.
	Changed   int  `json:"changed,omitempty"`
	Differing int  `json:"differing"`
	Ahead     bool `json:"ahead,omitempty"` // it has come further than the log reaches: the log was cut
}

// Kind is in which way a kept row differs from the replayed one.
type Kind string

// The kinds.
const (
	RowChanged Kind = "changed" // it is another
	RowMissing Kind = "missing" // it is not there
	RowExtra   Kind = "extra"   // no event makes it
)

// Difference is a row that is not what the log makes of it.
type Difference struct {
	Table   string   `json:"table"`
	Key     string   `json:"key"`
	Kind    Kind     `json:"kind"`
	Columns []Column `json:"columns,omitempty"` // of a changed row: those that differ
	// After is the position of the first event after which the kept row is not the
	// replayed one: the event that the kept row does not show, or that wrote what
	// was changed since. It is 0 for an extra row.
	After int64 `json:"after,omitempty"`
}

// Column is a value of a row beside what it should be.
type Column struct {
	Name     string `json:"name"`
	Kept     any    `json:"kept"`
	Replayed any    `json:"replayed"`
}

// Compare rebuilds read models from the log, beside the tables, and compares them row by
// row with those that are kept, in one snapshot and at the same position. Nothing
// is written to the database, and a server that has it does not notice.
func Compare(ctx context.Context, from *eventstore.Store, cfg Config) (Comparison, error) {
	r, err := startReplay(ctx, from, cfg)
	if err != nil {
		return Comparison{}, err
	}
	c := &comparing{replay: r, config: cfg, until: cfg.Until, different: map[rowName]*Difference{}}
	defer func() { c.close() }() // of the last replay
	for _, step := range []func(context.Context) error{c.approach, c.compare, c.locate} {
		if err := step(ctx); err != nil {
			return Comparison{}, err
		}
	}
	return c.result, nil
}

// startReplay begins a replay in memory, or in a scratch database in the background.
func startReplay(ctx context.Context, from log, cfg Config) (*replay, error) {
	if !cfg.Background {
		return newReplay(from, cfg.Names, cfg.Progress)
	}
	runs, err := projections.OpenScratch(ctx)
	if err != nil {
		return nil, err
	}
	r, err := newReplayIn(runs, from, cfg.Names, cfg.Progress)
	if err != nil {
		runs.Close()
	}
	return r, err
}

// comparing is a comparison under way.
type comparing struct {
	*replay
	config    Config
	until     int64             // 0: as far as it goes
	marks     map[rowName][]any // rows as they were at until, of tables without positions
	different map[rowName]*Difference
	result    Comparison
}

type rowName struct{ table, key string }

// approach folds most of the log before a snapshot is taken, which others should
// not have to put up with for long.
func (c *comparing) approach(ctx context.Context) error {
	kept, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer kept.close()
	positions, err := c.positions(ctx, kept)
	if err != nil {
		return err
	}
	return c.foldTo(ctx, slices.Min(positions))
}

func (c *comparing) open(ctx context.Context) (kept, error) {
	var of []projections.Projection
	for _, m := range c.models {
		of = append(of, m.Projection)
	}
	return c.config.Against.open(ctx, of)
}

// positions is how far the kept models have come, as far as the log reaches. The
// log is asked last: it must not seem to end before them.
func (c *comparing) positions(ctx context.Context, kept kept) ([]int64, error) {
	c.result.Projections = nil
	for _, m := range c.models {
		position, err := kept.position(ctx, m.Projection)
		if err != nil {
			return nil, err
		}
		c.result.Projections = append(c.result.Projections, ProjectionResult{Name: m.Name(), Kept: position})
	}
	head, err := c.log.Head(ctx)
	var reached []int64
	for i := range c.result.Projections {
		p := &c.result.Projections[i]
		p.Ahead = p.Kept > head
		reached = append(reached, min(p.Kept, head))
	}
	return reached, err
}

// foldTo folds up to a position and takes note of the state at until on the way:
// what is changed after it cannot be compared at it.
func (c *comparing) foldTo(ctx context.Context, position int64) error {
	if c.marks == nil && c.until > 0 && c.until <= position {
		if err := c.to(ctx, c.until); err != nil {
			return err
		}
		if err := c.mark(ctx); err != nil {
			return err
		}
	}
	return c.to(ctx, position)
}

// mark notes the state and keeps the rows that do not say when they changed. There
// are few of them, and they are in memory.
func (c *comparing) mark(ctx context.Context) (err error) {
	c.until, c.marks = c.done, map[rowName][]any{}
	for _, m := range c.models {
		for _, table := range m.Tables() {
			if !slices.Contains(projections.Columns(table.Name()), positionColumn) {
				for row, err := range table.All(ctx) {
					if err != nil {
						return err
					}
					c.marks[rowName{table.Name(), row[0].(string)}] = row
				}
			}
		}
	}
	c.result.State, err = c.state(ctx)
	return err
}

const positionColumn = "position"

// settled says whether a replayed row is the same now as it was at until.
func (c *comparing) settled(table string, key string, row []any) bool {
	if i := slices.Index(projections.Columns(table), positionColumn); i >= 0 {
		return row[i].(int64) <= c.until
	}
	return slices.Equal(c.marks[rowName{table, key}], row)
}

func (c *comparing) compare(ctx context.Context) error {
	kept, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer kept.close()
	if err := c.arrive(ctx, kept); err != nil {
		return err
	}
	c.result.Equal = true
	for i, m := range c.models {
		result := &c.result.Projections[i]
		result.Position = min(c.until, m.last)
		for _, table := range m.Tables() {
			t := comparingTable{c, result, table.Name(), projections.Columns(table.Name())}
			if err := t.compare(ctx, kept, table); err != nil {
				return fmt.Errorf("compare %s: %w", table.Name(), err)
			}
		}
		c.result.Equal = c.result.Equal && result.Differing == 0 && !result.Ahead
	}
	return nil
}

// arrive folds the rest, each model up to where the kept one stands still.
func (c *comparing) arrive(ctx context.Context, kept kept) error {
	positions, err := c.positions(ctx, kept)
	if err != nil {
		return err
	}
	for i, m := range c.models {
		if m.last = positions[i]; m.last < c.done {
			return fmt.Errorf("projection %s was set back while it was compared: %w", m.Name(), domain.ErrConflict)
		}
	}
	if err := c.foldTo(ctx, slices.Max(positions)); err != nil {
		return err
	}
	if c.marks == nil {
		return c.mark(ctx)
	}
	return nil
}
