package ready

import (
	"context"
	"sync"
)

// step is a part of the start. They come in this order, after the migrations:
// before these nothing answers.
type step int

// The steps of a start.
const (
	swept   step = iota // runs of dead instances are ended
	applied             // the file's scrapers are in the log
	ticking             // slots are started
	steps
)

var stepWords = [steps]string{
	swept:   "ending the runs of dead instances",
	applied: "bringing the configured scrapers into the log",
	ticking: "reading the schedules",
}

// Startup records how far the start under one instance id has come. The zero value is
// its beginning.
type Startup struct {
	mu       sync.Mutex
	next     step
	position int64 // of the log once the file's scrapers were in it
}

// Swept returns a step that ends the runs of dead instances.
func (s *Startup) Swept(sweep func(ctx context.Context) error) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		err := sweep(ctx)
		if err == nil {
			s.done(swept, 0)
		}
		return err
	}
}

// Applied returns a step that brings the file's scrapers into the log. A read model that
// has not come to the head after it keeps the instance from being ready.
func (s *Startup) Applied(apply func(ctx context.Context) error, head func(ctx context.Context) (int64, error)) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		if err := apply(ctx); err != nil {
			return err
		}
		position, err := head(ctx)
		if err == nil {
			s.done(applied, position)
		}
		return err
	}
}

// Ticking records that slots are started from now on.
func (s *Startup) Ticking() { s.done(ticking, s.Least()) }

func (s *Startup) done(finished step, position int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next, s.position = finished+1, position
}

// Doing returns the step in progress; empty: the start is over.
func (s *Startup) Doing() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == steps {
		return ""
	}
	return stepWords[s.next]
}

// Least returns the position that each read model must have reached.
func (s *Startup) Least() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.position
}
