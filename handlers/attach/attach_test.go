package attach_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/attach"
)

const grace = 10 * time.Second

// TestARunLivesAsLongAsItsWatcher moves one watcher through its day.
func TestARunLivesAsLongAsItsWatcher(t *testing.T) {
	for name, c := range map[string]struct {
		started time.Duration // by the log, after it was first seen here
		gone    func(began, now time.Time) (time.Time, bool)
		lost    time.Duration // zero: never
	}{
		"a watcher that stays": {0, func(_, _ time.Time) (time.Time, bool) { return time.Time{}, false }, 0},
		"a watcher that goes": {0, func(began, now time.Time) (time.Time, bool) {
			return began.Add(3 * time.Second), now.Sub(began) >= 3*time.Second
		}, 13 * time.Second},
		"a click from page to page": {0, func(began, now time.Time) (time.Time, bool) {
			away := now.Sub(began)
			return began, away < 9*time.Second
		}, 0},
		"a watcher that never came":                                {0, func(_, _ time.Time) (time.Time, bool) { return time.Time{}, true }, grace},
		"the clock was set forward, and a watcher that never came": {-time.Hour, func(_, _ time.Time) (time.Time, bool) { return time.Time{}, true }, grace},
		"the clock was set back, and a watcher that goes": {time.Hour, func(began, now time.Time) (time.Time, bool) {
			return began.Add(3 * time.Second), now.Sub(began) >= 3*time.Second
		}, 13 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				run := domain.Run{ID: uuid.New(), Status: domain.StatusRunning, Watcher: "tab", StartedAt: began.Add(c.started).Round(0)}
				lost, at := minded(t, run, func() (time.Time, bool) { return c.gone(began, time.Now()) })
				took := at.Sub(began)
				switch {
				case c.lost == 0 && lost.Cause != "":
					t.Errorf("lost after %v", took)
				case c.lost > 0 && (lost.Link != domain.LinkWatcher || lost.Cause != domain.CauseWatcherGone || took < c.lost || took > c.lost+attach.Poll):
					t.Errorf("%+v after %v, want within a poll of %v", lost, took, c.lost)
				}
			})
		})
	}
}

// minded minds one run for a minute and returns the loss that was reported, and
// when.
func minded(t *testing.T, run domain.Run, gone func() (time.Time, bool)) (lost domain.ReportConnectionLost, at time.Time) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var mu sync.Mutex
	m := &attach.Minder{
		Runs: func() []domain.Run { return []domain.Run{run} },
		Gone: func(string) (time.Time, bool) { return gone() }, Grace: grace, Logger: slog.New(slog.DiscardHandler),
		Handle: func(_ context.Context, c domain.Command, _ domain.Origin) ([]eventstore.Recorded, error) {
			mu.Lock()
			defer mu.Unlock()
			if lost.Cause == "" {
				lost = c.(domain.ReportConnectionLost)
				at = time.Now()
				return nil, nil
			}
			return nil, domain.ErrFinished
		},
	}
	if err := m.Run(ctx); err != nil {
		t.Error(err)
	}
	return lost, at
}
