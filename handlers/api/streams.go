package api

import (
	"context"
	"sync/atomic"

	"scrapelog/handlers/problem"
)

// streamKind is what a long-lived response carries.
type streamKind int

const (
	eventStream streamKind = iota
	watchStream
	streamKinds
)

var errShuttingDown error = problem.New(problem.ShuttingDown, "the service is shutting down; try again")

// streams counts the open streams and ends them all at shutdown.
type streams struct{ open [streamKinds]atomic.Int64 }

// enter opens a stream: its context ends with the request, or when done closes.
// The caller MUST call leave.
func (s *streams) enter(request context.Context, done <-chan struct{}, kind streamKind) (ctx context.Context, leave func(), err error) {
	select {
	case <-done:
		return nil, nil, errShuttingDown
	default:
	}
	ctx, cancel := context.WithCancel(request)
	s.open[kind].Add(1)
	go func() {
		select {
		case <-done:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(); s.open[kind].Add(-1) }, nil
}
