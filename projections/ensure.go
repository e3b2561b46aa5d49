package projections

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Ensure makes and fills the tables of every projection that has none, or has those of
// another version. It MUST return before an event is applied or a query is asked. It may
// run on several instances at once.
func Ensure(ctx context.Context, store *eventstore.Store) error {
	if err := makeList(ctx, store); err != nil {
		return fmt.Errorf("make table projections: %w", err)
	}
	if missing, err := missing(ctx, store); err != nil || len(missing) == 0 {
		return err
	}
	unlock, err := lockBuilds(ctx, store)
	if err != nil {
		return err
	}
	defer unlock()
	missing, err := missing(ctx, store) // another instance may have built some while this one waited
	if err != nil || len(missing) == 0 {
		return err
	}
	return rebuild(ctx, store, missing, PageSize, nil)
}

// missing lists the projections that have no tables, or those of another version.
func missing(ctx context.Context, store *eventstore.Store) (missing []Projection, err error) {
	for _, p := range All() {
		current, err := p.current(ctx, store)
		if err != nil {
			return nil, fmt.Errorf("projection %s: %w", p.name, err)
		}
		if !current {
			missing = append(missing, p)
		}
	}
	return missing, nil
}

// MustNotBeNewer returns an eventstore.ErrForeign if a newer version of this program has
// built a projection: building it in the older shape would take it from that program.
func MustNotBeNewer(ctx context.Context, store *eventstore.Store) error {
	listed, err := store.HasTable(ctx, "projections")
	if err != nil || !listed {
		return eventstore.Unavailable(ctx, "read models", err)
	}
	for _, p := range All() {
		var built int64
		err := store.Reader().QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM projections WHERE name = $1`, p.name).Scan(&built)
		if err != nil {
			return eventstore.Unavailable(ctx, "read models", err)
		}
		if built > p.version {
			return eventstore.Newer("the read model "+p.name, built, p.version)
		}
	}
	return nil
}

// createList makes the table that says which version of each projection is built: of
// the tables' shape and of the rules that fill them.
const createList = `CREATE TABLE IF NOT EXISTS projections (
  name    text PRIMARY KEY,
  version bigint NOT NULL
)`

const builtVersion = `SELECT version FROM projections WHERE name = $1`

// makeList makes the table of versions if it does not exist. It does not take the lock
// of builds, which another instance may hold for long; two CREATE TABLE IF NOT EXISTS at
// once may both try.
func makeList(ctx context.Context, store *eventstore.Store) error {
	if found, err := store.HasTable(ctx, "projections"); err != nil || found {
		return err
	}
	unlock, err := lockBuilds(ctx, store)
	if err != nil {
		return err
	}
	defer unlock()
	return store.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, createList)
		return err
	})
}

// ErrNotBuilt reports that there is no read model of that name, or only one of another
// version.
var ErrNotBuilt = fmt.Errorf("%w: the read model is not built by this version of the program; a server builds it when it starts", domain.ErrConflict)

// MustBeBuilt returns ErrNotBuilt unless the tables exist and have this version.
func (p Projection) MustBeBuilt(ctx context.Context, store *eventstore.Store) error {
	built, err := store.HasTable(ctx, "projections")
	if err == nil && built {
		built, err = p.current(ctx, store)
	}
	if err == nil && !built {
		return fmt.Errorf("%s: %w", p.name, ErrNotBuilt)
	}
	return eventstore.Unavailable(ctx, "read models", err)
}

// current reports whether the tables exist and have this version.
func (p Projection) current(ctx context.Context, store *eventstore.Store) (bool, error) {
	var version int64
	err := store.Reader().QueryRowContext(ctx, builtVersion, p.name).Scan(&version)
	if errors.Is(err, sql.ErrNoRows) || err == nil && version != p.version {
		return false, nil
	}
	found := err == nil
	for _, table := range p.tables {
		if found {
			found, err = store.HasTable(ctx, table.name)
		}
	}
	return found, err
}
