package react

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/projections"
)

// Projection is a read model: rows that follow from the log.
type Projection interface {
	Name() string
	Apply(ctx context.Context, tx *sql.Tx, r eventstore.Recorded, e domain.Event) error
}

// errNoTx reports a message without the feed's transaction, outside of which nothing
// may be written.
var errNoTx = errors.New("the message carries no transaction")

// Project is the group of a projection, under the projection's own name.
func Project(p Projection) Group {
	return Group{
		Name: p.Name(), Blocks: true, Types: domain.EventTypes,
		Handle: func(ctx context.Context, r eventstore.Recorded, e domain.Event) error {
			tx, ok := eventstore.TxFrom(ctx)
			if !ok {
				return errNoTx
			}
			return p.Apply(ctx, tx, r, e)
		},
	}
}

// Projections are the groups of all read models.
func Projections() (groups []Group) {
	for _, p := range projections.All() {
		groups = append(groups, Project(p))
	}
	return groups
}

// rescrapeGroup is a persistent name: changing it makes the saga answer every
// return in the log once more.
const rescrapeGroup = "rescrape"

// Rescrape is the group of the saga: it passes the commands of [domain.Rescrape] to
// handle, in the transaction that moves the group's offset. A refusal is an answer, not
// a failure.
func Rescrape(handle func(ctx context.Context, c domain.Command, by domain.Origin) ([]eventstore.Recorded, error), logger *slog.Logger) Group {
	return Group{
		Name: rescrapeGroup, Types: []string{domain.ConnectionRestored{}.EventType(), domain.ScraperResumed{}.EventType()},
		Handle: func(ctx context.Context, r eventstore.Recorded, e domain.Event) error {
			by := domain.Origin{Actor: "saga:rescrape", Causation: r.ID, Correlation: r.Metadata["correlation_id"]}
			for _, c := range domain.Rescrape(e, r.ID) {
				_, err := handle(ctx, c, by)
				if refused(err) {
					logger.Warn("rescrape refused", "position", r.Position, "scraper", e.ScraperName(), "error", err)
					continue
				}
				if err != nil {
					return fmt.Errorf("event %d: %w", r.Position, err)
				}
			}
			return nil
		},
	}
}

// refused reports whether the domain refused the command. A conflict with another
// append is no refusal: the next try decides again.
func refused(err error) bool {
	if errors.Is(err, eventstore.ErrConflict) {
		return false
	}
	for _, refusal := range []error{domain.ErrNotFound, domain.ErrConflict, domain.ErrFinished, domain.ErrInvalid} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}
