package scrape

import (
	"context"
	"sync"
)

// places bounds how many do something at once.
type places chan struct{}

// take waits for a place, unless ctx ends first. leave gives it back; to leave
// twice does no harm, nor does it where there was no place to be had.
func (p places) take(ctx context.Context) (leave func()) {
	select {
	case p <- struct{}{}:
		return sync.OnceFunc(func() { <-p })
	case <-ctx.Done():
		return func() {}
	}
}
