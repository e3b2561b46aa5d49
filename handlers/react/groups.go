package react

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/feed"
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

// RescrapeGroup is a persistent name: changing it makes the saga answer every
// return in the log once more.
const RescrapeGroup = "rescrape"

// Rescrape is the group of the saga: it passes the commands of [domain.Rescrape] to
// handle, those of a batch at once, in the transaction that moves the group's offset. A
// refusal is an answer, not a failure.
func Rescrape(handle func(ctx context.Context, orders []domain.Order) []eventstore.Appended, logger *slog.Logger) Group {
	all := func(ctx context.Context, events []feed.Event) error {
		var orders []domain.Order
		var causes []feed.Event
		for _, e := range events {
			by := domain.Origin{Actor: "saga:rescrape", Causation: e.ID, Correlation: e.Metadata["correlation_id"]}
			for _, c := range domain.Rescrape(e.Decoded, e.ID) {
				orders, causes = append(orders, domain.Order{Command: c, By: by}), append(causes, e)
			}
		}
		for i, answer := range handle(ctx, orders) {
			cause := causes[i]
			if refused(answer.Err) {
				logger.Warn("rescrape refused", "position", cause.Position, "scraper", cause.Decoded.ScraperName(), "error", answer.Err)
			} else if answer.Err != nil {
				return feed.At(cause, fmt.Errorf("event %d: %w", cause.Position, answer.Err))
			}
		}
		return nil
	}
	return Group{
		Name: RescrapeGroup, Types: []string{domain.ConnectionRestored{}.EventType(), domain.ScraperResumed{}.EventType()},
		HandleAll: all,
		Handle: func(ctx context.Context, r eventstore.Recorded, e domain.Event) error {
			return all(ctx, []feed.Event{{Recorded: r, Decoded: e}})
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
