// Package attach ends attached runs whose watcher has gone: an attached run lives only
// as long as its watcher has a stream open.
package attach

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Poll is how often the watchers are checked.
const Poll = 250 * time.Millisecond

// Minder checks the watchers of the attached runs that this instance follows. All
// exported fields are required. It measures times by the monotonic clock, because the
// start of a run is a wall clock time, perhaps of another instance.
type Minder struct {
	Runs   func() []domain.Run                               // the attached runs that this instance follows
	Gone   func(watcher string) (since time.Time, gone bool) // has the watcher no stream open, and since when?
	Grace  time.Duration                                     // a click from page to page is not a loss
	Handle func(ctx context.Context, c domain.Command, by domain.Origin) ([]eventstore.Recorded, error)
	Logger *slog.Logger

	since map[uuid.UUID]time.Time // when a run was first seen here
}

// Run checks the watchers until ctx ends.
func (m *Minder) Run(ctx context.Context) error {
	ticker := time.NewTicker(Poll)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			if err := m.check(ctx, now); err != nil && ctx.Err() == nil {
				m.Logger.Error("checking the watchers of attached runs failed, retrying", "error", err)
			}
		}
	}
}

func (m *Minder) check(ctx context.Context, now time.Time) (err error) {
	since := map[uuid.UUID]time.Time{}
	for _, run := range m.Runs() {
		since[run.ID] = now
		if first, known := m.since[run.ID]; known {
			since[run.ID] = first
		}
		if away, gone := m.away(run.Watcher, since[run.ID], now); gone {
			err = errors.Join(err, m.lost(ctx, run, away))
		}
	}
	m.since = since
	return err
}

// away reports whether the watcher of a run, first seen here at first, has been away
// for longer than the grace. A watcher that never came is away since then.
func (m *Minder) away(watcher string, first, now time.Time) (time.Duration, bool) {
	since, gone := m.Gone(watcher)
	if !gone {
		return 0, false
	}
	if since.Before(first) {
		since = first
	}
	away := now.Sub(since)
	return away, away >= m.Grace
}

func (m *Minder) lost(ctx context.Context, run domain.Run, away time.Duration) error {
	lost := domain.ReportConnectionLost{
		ToRun: domain.ToRun{RunID: run.ID}, Link: domain.LinkWatcher, Cause: domain.CauseWatcherGone,
		Detail: fmt.Sprintf("the watcher has had no stream open for %s", away.Truncate(time.Millisecond)),
	}
	_, err := m.Handle(ctx, lost, domain.Origin{Actor: "attach"})
	if errors.Is(err, domain.ErrFinished) {
		return nil
	}
	return err
}
