package recovery_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"scrapelog/domain"
	"scrapelog/handlers/dial"
	"scrapelog/handlers/recovery"
)

const probeTakes = 5 * time.Second // at most

// host is a prober whose scrapers all hang, but for shop, which refuses until it
// is back.
type host struct {
	*world
	p      *recovery.Prober
	backAt time.Time
	asked  map[string][]time.Time
}

func hangingHost(scrapers int, backIn time.Duration) *host {
	h := &host{world: newWorld(), backAt: time.Now().Add(backIn), asked: map[string][]time.Time{}}
	h.p = h.prober()
	h.p.Lost = func(ctx context.Context) ([]domain.Guard, error) {
		guards, err := h.down(ctx)
		for i := range scrapers {
			guards = append(guards, domain.Guard{Scraper: fmt.Sprint("hangs-", i), LostRun: lostRun})
		}
		return guards, err
	}
	h.p.Config = func(_ context.Context, name string) (dial.Target, error) {
		c := h.config
		c.Name = name
		return c, nil
	}
	h.p.Ask = func(_ context.Context, c dial.Target) (bool, bool, error) {
		h.mu.Lock()
		h.asked[c.Name] = append(h.asked[c.Name], time.Now())
		h.mu.Unlock()
		if c.Name != shop {
			time.Sleep(probeTakes)
			return false, false, context.DeadlineExceeded
		}
		if time.Now().Before(h.backAt) {
			return false, false, errRefused
		}
		return true, true, nil
	}
	return h
}

// TestHungProbesDelayNoOther checks that hung probes wait for each other, and that other
// probes do not wait for them. It is small and short on purpose: the race detector crashes now and
// then over much that happens in one bubble (golang/go#78156).
func TestHungProbesDelayNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const scrapers = 2*recovery.AtOnce + 100
		h := hangingHost(scrapers, 20300*time.Millisecond) // after 15 s all have been found to hang
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.p.Run(ctx) }()
		<-h.restored
		if late := time.Since(h.backAt); late > time.Second {
			t.Errorf("found %v after it was back", late)
		}
		synctest.Wait()
		waits := ""
		for i := range scrapers {
			name := fmt.Sprint("hangs-", i)
			if len(h.asked[name]) == 0 {
				t.Errorf("%s was never probed", name)
			} else if time.Since(h.last(name)) > probeTakes {
				waits = name
			}
		}
		h.p.Announce([]string{waits}) // so it hangs no more
		synctest.Wait()
		if waits == "" || !h.last(waits).Equal(time.Now()) {
			t.Errorf("of those that wait %q was announced and not probed at once", waits)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func (h *host) last(name string) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asked[name][len(h.asked[name])-1]
}
