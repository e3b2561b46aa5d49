package ready

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A database that is away is known within 5 seconds, whether it refuses or is silent, and
// that it is back within one. One look that fails is not enough.
func TestADatabaseThatIsAwayIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var state atomic.Value
		state.Store("there")
		var looks atomic.Int64
		d := &Database{CannotWrite: func(ctx context.Context) []string {
			looks.Add(1)
			switch state.Load() {
			case "refuses":
				return []string{"connection refused"}
			case "silent":
				<-ctx.Done()
				return []string{"no answer"}
			case "busy":
				state.Store("there")
				return []string{"busy"}
			}
			return nil
		}}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- d.Run(ctx) }()
		for _, how := range []string{"refuses", "silent"} {
			time.Sleep(500 * time.Millisecond)
			began := time.Now()
			state.Store(how)
			time.Sleep(4900 * time.Millisecond)
			if since, why := d.Away(); since.Before(began) || since.Sub(began) > 2500*time.Millisecond || why == "" {
				t.Errorf("%s: away since %s, began at %s: %s", how, since, began, why)
			}
			state.Store("there")
			time.Sleep(3 * time.Second)
			if since, why := d.Away(); !since.IsZero() || why != "" {
				t.Errorf("%s: it is back, and still away since %s: %s", how, since, why)
			}
		}
		state.Store("busy")
		before := looks.Load()
		for looks.Load() < before+3 {
			time.Sleep(time.Second)
			if since, _ := d.Away(); !since.IsZero() {
				t.Error("one failure made it away")
			}
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
