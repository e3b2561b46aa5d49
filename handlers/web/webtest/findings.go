package webtest

import (
	"context"
	"sync"

	"scrapelog/eventstore"
)

// findings keeps what was found, in memory.
type findings struct {
	mu   sync.Mutex
	last map[string]eventstore.Finding
}

func (f *findings) KeepFinding(_ context.Context, found eventstore.Finding) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == nil {
		f.last = map[string]eventstore.Finding{}
	}
	f.last[found.Kind] = found
	return nil
}

func (f *findings) LastFinding(_ context.Context, kind string) (eventstore.Finding, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	found, ok := f.last[kind]
	return found, ok, nil
}
