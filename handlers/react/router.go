// Package react feeds recorded events to the read models and the rescrape saga.
// Each is a consumer group. Its writes commit together with the group's offset,
// so every event takes effect exactly once.
package react

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/feed"
)

// closeTimeout is how long a router waits for its handlers when it ends. It is
// above every handler timeout of the feed.
const closeTimeout = 15 * time.Second

// Group is a consumer of the log. Its name is persistent: changing it hands the
// group the whole log once more.
type Group struct {
	Name   string
	Blocks bool     // a message that cannot be handled blocks the group; else it becomes a dead letter
	Types  []string // the wire names it handles; it passes over all others
	// Handle runs in the transaction that ctx carries (eventstore.TxFrom). An
	// error rolls it back, and the event comes again.
	Handle func(ctx context.Context, r eventstore.Recorded, e domain.Event) error
	// HandleAll takes the place of Handle for a batch of events. An error rolls it back,
	// and each event comes again by itself. Optional.
	HandleAll func(ctx context.Context, events []feed.Event) error
}

// each hands the events of a batch to Handle.
func (g Group) each(ctx context.Context, events []feed.Event) error {
	for _, e := range events {
		if err := g.Handle(ctx, e.Recorded, e.Decoded); err != nil {
			return feed.At(e, err)
		}
	}
	return nil
}

// Run passes events to groups until ctx ends.
func Run(ctx context.Context, events *feed.Feed, logger *slog.Logger, groups ...Group) error {
	router, err := New(events, logger, groups...)
	if err != nil {
		return err
	}
	return router.Run(ctx)
}

// Router passes events to groups.
type Router struct{ router *message.Router }

// New makes a router. It reads nothing until Run.
func New(events *feed.Feed, logger *slog.Logger, groups ...Group) (*Router, error) {
	log := watermillLog(logger)
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: closeTimeout}, log)
	if err != nil {
		return nil, fmt.Errorf("router: %w", err)
	}
	router.AddMiddleware(feed.Reasons)
	for _, group := range groups {
		if err := add(router, events, group, log); err != nil {
			return nil, fmt.Errorf("consumer group %s: %w", group.Name, err)
		}
	}
	return &Router{router}, nil
}

func watermillLog(logger *slog.Logger) watermill.LoggerAdapter {
	// watermill logs details for debugging at Info.
	log := watermill.NewSlogLoggerWithLevelMapping(logger, map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug})
	if !logger.Enabled(context.Background(), slog.LevelDebug) {
		return &quiet{to: log}
	}
	return log
}

// errEndedEarly reports that watermill's router ended without an error, as it does when
// its subscribers end.
var errEndedEarly = errors.New("the router of the consumer groups ended early")

// Run passes events to the groups until ctx ends and every handler has returned.
func (r *Router) Run(ctx context.Context) error {
	if err := r.router.Run(ctx); err != nil {
		return fmt.Errorf("consumer groups: %w", err)
	}
	if ctx.Err() == nil {
		return errEndedEarly
	}
	return nil
}

func add(router *message.Router, events *feed.Feed, group Group, log watermill.LoggerAdapter) error {
	config := feed.Config{Group: group.Name, Blocks: group.Blocks, Types: group.Types}
	subscriber, err := events.Subscriber(config, log)
	if err != nil {
		return err
	}
	handle := group.HandleAll
	if handle == nil {
		handle = group.each
	}
	router.AddConsumerHandler(group.Name, eventstore.Topic, subscriber, func(m *message.Message) error {
		batch, err := feed.Events(m)
		if err != nil {
			return err
		}
		return handle(m.Context(), batch)
	})
	return nil
}
