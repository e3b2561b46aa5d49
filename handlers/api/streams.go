package api

import (
	"context"

	"scrapelog/handlers/problem"
)

var errShuttingDown error = problem.New(problem.ShuttingDown, "the service is shutting down; try again")

// stream opens a stream: its context ends with the request, or when done closes. The
// caller MUST call leave.
func stream(request context.Context, done <-chan struct{}) (ctx context.Context, leave func(), err error) {
	select {
	case <-done:
		return nil, nil, errShuttingDown
	default:
	}
	ctx, cancel := context.WithCancel(request)
	go func() {
		select {
		case <-done:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel, nil
}
