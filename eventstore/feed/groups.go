package feed

import (
	"context"
	"slices"
	"strings"
	"time"

	"scrapelog/eventstore"
)

const offsetList = `SELECT o.consumer_group, o.position,
       (SELECT coalesce(max(position), 0) FROM events) - o.position,
       (SELECT recorded_at FROM events WHERE position = o.position + 1),
       coalesce(o.blocked_by, ''),
       (SELECT count(*) FROM dead_letters d WHERE d.topic = o.topic AND d.consumer_group = o.consumer_group)
FROM consumer_offsets o
WHERE o.topic = $1
ORDER BY o.consumer_group`

// Group describes how far a consumer group has come.
type Group struct {
	Name        string
	Position    int64
	Lag         int64         // events not yet seen
	Behind      time.Duration // age of the oldest of them
	BlockedBy   string        // why the next event cannot be applied; empty: nothing
	DeadLetters int64
	Failed      Failure // the last time that it could not go on here; zero: never
	Relay       bool    // it sends each event at least once; others act once on each
}

// GroupStates lists the consumer groups of the log by name, without its relays: see
// [Feed.Relays].
func (s *Feed) GroupStates(ctx context.Context) ([]Group, error) {
	groups, err := s.groups(ctx)
	return slices.DeleteFunc(groups, func(g Group) bool { return g.Relay }), err
}

func (s *Feed) groups(ctx context.Context) ([]Group, error) {
	now := time.Now()
	return eventstore.Select(ctx, s.From(ctx), "consumer groups", func(row eventstore.Scanner) (g Group, err error) {
		var waiting time.Time
		err = row.Scan(&g.Name, &g.Position, &g.Lag, eventstore.Micros{To: &waiting}, &g.BlockedBy, &g.DeadLetters)
		if !waiting.IsZero() {
			g.Behind = max(0, now.Sub(waiting))
		}
		g.Failed, g.Relay = s.failures.of(g.Name), strings.HasPrefix(g.Name, relayPrefix)
		return g, err
	}, offsetList, eventstore.Topic)
}

// WaitFor returns when the group has handled the log up to position, or with
// the error of ctx.
func (s *Feed) WaitFor(ctx context.Context, group string, position int64) error {
	progress, stop := s.WakeProgress()
	defer stop()
	// Another process may be the one that handles the group.
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	for {
		reached, err := s.Offset(ctx, group)
		if err != nil || reached >= position {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-progress:
		case <-poll.C:
		}
	}
}

// WakeProgress yields at least one token after a transaction of a consumer group of
// this process has ended.
func (s *Feed) WakeProgress() (ch <-chan struct{}, stop func()) { return s.progress.Subscribe() }
