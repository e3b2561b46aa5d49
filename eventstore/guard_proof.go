package eventstore

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// ProveGuards folds the whole log and names every guard row that differs from
// what the log says. Events of a newer program may move a guard in ways that this
// one cannot follow: where a scraper has some, a difference proves nothing.
func (s *Store) ProveGuards(ctx context.Context) (mismatches []string, err error) {
	return (&GuardProver{Store: s}).Prove(ctx)
}

// GuardProver proves the guards again and again: after the first time it reads
// only what was appended since.
type GuardProver struct {
	Store *Store

	mu   sync.Mutex
	fold guardFold
}

// Prove names every guard row that differs from the log.
func (p *GuardProver) Prove(ctx context.Context) (mismatches []string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fold.guards == nil {
		p.fold = newGuardFold()
	}
	// A snapshot that is held for the whole log keeps it from being tidied up.
	if err := each(ctx, p.Store.read, p.fold.position, p.fold.see); err != nil {
		return nil, err
	}
	tx, err := p.Store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	if err := each(ctx, tx, p.fold.position, p.fold.see); err != nil {
		return nil, err
	}
	rows, err := listGuards(ctx, tx)
	if err != nil {
		return nil, err
	}
	return p.fold.compare(rows), nil
}

// guardFold holds the guards that follow from the log up to a position.
type guardFold struct {
	position int64
	guards   map[string]domain.Guard
	beyond   map[string]bool // scrapers with events of unknown types
}

func newGuardFold() guardFold {
	return guardFold{guards: map[string]domain.Guard{}, beyond: map[string]bool{}}
}

func (p *guardFold) see(r Recorded) error {
	e, err := r.Event()
	if err != nil {
		return err
	}
	p.position = r.Position
	if e == nil {
		p.beyond[r.Scraper()] = true
		return nil
	}
	if e.ScraperName() == "" {
		return nil
	}
	g := p.guards[e.ScraperName()]
	g.Scraper = e.ScraperName()
	p.guards[g.Scraper] = g.Evolve(e)
	return nil
}

func (p *guardFold) compare(rows []domain.Guard) (mismatches []string) {
	there := map[string]bool{}
	for _, row := range rows {
		there[row.Scraper] = true
		want, known := p.guards[row.Scraper]
		switch {
		case p.beyond[row.Scraper]:
		case !known:
			mismatches = append(mismatches, fmt.Sprintf("guard of scraper %s is there, and the log has no such scraper", row.Scraper))
		case !sameGuard(row, want):
			mismatches = append(mismatches, fmt.Sprintf("guard of scraper %s is not what the log says: %s", row.Scraper, guardDiff(row, want)))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.guards)) {
		if !there[name] {
			mismatches = append(mismatches, fmt.Sprintf("guard of scraper %s is missing", name))
		}
	}
	return mismatches
}

// Repair is what RepairGuards has done.
type Repair struct {
	Guards  int      `json:"guards"`  // rows that were not as the log has them
	Offsets []string `json:"offsets"` // groups that were past the end of the log
}

// RepairGuards makes the guard rows what the log says, the triggers and functions
// what the migrations say, and sets offsets back that lie past the end of the log:
// a group is given again what may not have been handled. The groups named rebuilt
// are set to the beginning, for their projections to be rebuilt. Nothing may serve
// the database meanwhile; see [Store.Maintain].
func (s *Store) RepairGuards(ctx context.Context, rebuilt []string) (r Repair, err error) {
	r.Offsets = []string{}
	err = s.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := s.lockLog(ctx, tx); err != nil {
			return err
		}
		fold := newGuardFold()
		if err := each(ctx, tx, 0, fold.see); err != nil {
			return err
		}
		if r.Guards, err = s.rewriteGuards(ctx, tx, fold); err != nil {
			return err
		}
		if err := s.restoreSchema(ctx, tx); err != nil {
			return err
		}
		r.Offsets, err = s.setBack(ctx, tx, fold, rebuilt)
		return err
	})
	return r, err
}

// rewriteGuards writes the rows that differ. Those of scrapers that a newer program
// has written of are left as they are.
func (s *Store) rewriteGuards(ctx context.Context, tx *sql.Tx, fold guardFold) (n int, err error) {
	rows, err := listGuards(ctx, tx)
	if err != nil {
		return 0, err
	}
	moved := maps.Clone(fold.guards)
	maps.DeleteFunc(moved, func(name string, _ domain.Guard) bool { return fold.beyond[name] })
	for _, row := range rows {
		want, known := moved[row.Scraper]
		switch {
		case known && sameGuard(row, want):
			delete(moved, row.Scraper)
		case !known && !fold.beyond[row.Scraper]:
			n++
			if _, err := tx.ExecContext(ctx, `DELETE FROM scraper_guard WHERE scraper = $1`, row.Scraper); err != nil {
				return n, Unavailable(ctx, "repair guards", err)
			}
		}
	}
	for _, g := range moved {
		n++
		if _, err := tx.ExecContext(ctx, guardPut, guardArgs(g)...); err != nil {
			return n, Unavailable(ctx, "repair guards", err)
		}
	}
	return n, nil
}

// setBack sets offsets that lie past the end to before the first return of a
// connection that no run has followed yet; there is nothing else that a reaction
// could have missed.
func (s *Store) setBack(ctx context.Context, tx *sql.Tx, fold guardFold, rebuilt []string) ([]string, error) {
	past, err := s.OffsetsPast(ctx)
	names := []string{}
	if err != nil || len(past) == 0 {
		return names, err
	}
	handled := fold.position
	for _, g := range fold.guards {
		if g.LostRun == uuid.Nil || !g.Restored {
			continue
		}
		var first sql.NullInt64
		err := tx.QueryRowContext(ctx, `SELECT min(position) FROM events WHERE stream = $1 AND version > 1`, domain.RunStream(g.LostRun)).Scan(&first)
		if err != nil {
			return names, Unavailable(ctx, "repair offsets", err)
		}
		if first.Valid {
			handled = min(handled, first.Int64-1)
		}
	}
	for _, g := range past {
		to := handled
		if slices.Contains(rebuilt, g.Group) {
			to = 0
		}
		if _, err := tx.ExecContext(ctx, `UPDATE consumer_offsets SET position = $1, blocked_by = NULL WHERE consumer_group = $2`, to, g.Group); err != nil {
			return names, Unavailable(ctx, "repair offsets", err)
		}
		names = append(names, g.Group)
	}
	return names, nil
}
