// Package attach ends attached runs whose watcher has gone: a run that somebody
// started to follow it lives only as long as its follower does.
package attach

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Poll is how often watchers are looked for.
const Poll = 250 * time.Millisecond

// Minder minds the attached runs that this instance follows. All fields are required.
type Minder struct {
	Runs   func() []domain.Run                               // the attached runs that this instance follows
	Gone   func(watcher string) (since time.Time, gone bool) // has the watcher no stream open, and since when?
	Grace  time.Duration                                     // a click from page to page is not a loss
	Handle func(ctx context.Context, c domain.Command, by domain.Origin) ([]eventstore.Recorded, error)
	Logger *slog.Logger
}

// Run minds until ctx ends.
func (m *Minder) Run(ctx context.Context) error {
	ticker := time.NewTicker(Poll)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			if err := m.check(ctx, now); err != nil && ctx.Err() == nil {
				m.Logger.Error("attached runs cannot be minded", "error", err)
			}
		}
	}
}

func (m *Minder) check(ctx context.Context, now time.Time) (err error) {
	for _, run := range m.Runs() {
		if away, gone := m.away(run, now); gone {
			err = errors.Join(err, m.lost(ctx, run, away))
		}
	}
	return err
}

// away says whether a run's watcher has been away for longer than the grace. A
// watcher that has never come is away since the run began.
func (m *Minder) away(run domain.Run, now time.Time) (time.Duration, bool) {
	since, gone := m.Gone(run.Watcher)
	if !gone {
		return 0, false
	}
	if since.Before(run.StartedAt) {
		since = run.StartedAt
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
