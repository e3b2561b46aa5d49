package replay

import (
	"context"
	"time"

	"scrapelog/eventstore"
)

// yielding lets the other work of the process go first: it rests after each piece
// of work, several times as long as that took. The zero value does not rest.
type yielding struct {
	on    bool
	begun time.Time // of the piece of work
}

const (
	restFor     = 3 // times as long as the work before it
	longestRest = 100 * time.Millisecond
)

func (y *yielding) rest(ctx context.Context) error {
	if !y.on {
		return nil
	}
	if !eventstore.Pause(ctx, min(restFor*time.Since(y.begun), longestRest)) {
		return context.Cause(ctx)
	}
	y.begun = time.Now()
	return nil
}
