package scrape

import (
	"context"
	"sync"
)

// places limits how many goroutines do something at once.
type places chan struct{}

// take waits for a place, or until ctx ends. leave releases the place. Calling leave
// again does nothing, nor does calling it after ctx ended first.
func (p places) take(ctx context.Context) (leave func()) {
	select {
	case p <- struct{}{}:
		return sync.OnceFunc(func() { <-p })
	case <-ctx.Done():
		return func() {}
	}
}
