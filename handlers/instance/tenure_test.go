package instance_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/instances"
	"scrapelog/handlers/instance"
)

// TestAnInstanceMarkedDeadBeginsAgain: its runs are dropped, its lock is released, and
// the work begins under a new id. A stop ends the beats last.
func TestAnInstanceMarkedDeadBeginsAgain(t *testing.T) {
	registry := instances.New(eventstoretest.SQLite(t).Open(t))
	ctx, stop := context.WithCancelCause(t.Context())
	var mu sync.Mutex
	var happened []string
	note := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		happened = append(happened, fmt.Sprintf(format, args...))
	}
	ids := map[string]bool{}
	next := func(ctx context.Context) (*instance.Tenure, error) {
		lock, err := registry.Acquire(ctx, uuid.NewString())
		if err != nil {
			return nil, err
		}
		ids[lock.ID] = true
		first := len(ids) == 1
		began, acting := make(chan struct{}), make(chan struct{})
		tenure := &instance.Tenure{Lock: lock, End: func() { note("end") }}
		tenure.Begin = []func(context.Context) error{func(context.Context) error { note("begin"); return nil }}
		tenure.Keep = func(ctx context.Context) error {
			<-began
			if first {
				return instances.ErrMarkedDead
			}
			<-ctx.Done()
			note("keep")
			return nil
		}
		tenure.Follow = func(ctx context.Context) error {
			close(began)
			<-ctx.Done()
			<-acting
			note("follow: %v, stopping: %t", context.Cause(ctx), tenure.Stopping())
			return nil
		}
		tenure.Act = []func(context.Context) error{func(ctx context.Context) error {
			defer close(acting)
			if !first {
				stop(errors.New("SIGTERM"))
			}
			<-ctx.Done()
			note("act")
			return nil
		}}
		return tenure, nil
	}
	t1, err := next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := instance.Serve(ctx, t1, next, slog.New(slog.DiscardHandler)); err != nil {
		t.Error(err)
	}
	want := []string{
		"begin", "act", "follow: this instance was marked dead, stopping: false", "end",
		"begin", "act", "follow: SIGTERM, stopping: true", "keep", "end",
	}
	if !slices.Equal(happened, want) || len(ids) != 2 {
		t.Errorf("%d ids, %q", len(ids), happened)
	}
	if live, err := registry.Live(t.Context()); err != nil || len(live) != 0 {
		t.Errorf("left behind: %v, %v", live, err)
	}
}
