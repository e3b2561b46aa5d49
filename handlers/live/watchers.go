package live

import (
	"maps"
	"sync"
	"time"

	"scrapelog/domain"
)

// keep is how long a watcher without a stream is remembered: much longer than any
// grace.
const keep = time.Hour

// Watchers records which watchers have a stream open. The zero value is ready for use.
// The methods are safe for concurrent use.
type Watchers struct {
	mu    sync.Mutex
	known map[string]watcher // by the digest of the id
}

type watcher struct {
	streams int       // open now; a page that is reloaded has two for a moment
	gone    time.Time // when the last one was closed
}

// Enter records that a stream of the watcher with this id is open until leave is
// called. Further calls of leave do nothing.
func (w *Watchers) Enter(id string) (leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id = domain.WatcherDigest(id)
	if w.known == nil {
		w.known = map[string]watcher{}
	}
	w.known[id] = watcher{streams: w.known[id].streams + 1}
	return sync.OnceFunc(func() { w.leave(id, time.Now()) })
}

func (w *Watchers) leave(id string, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.DeleteFunc(w.known, func(_ string, was watcher) bool { return was.streams == 0 && now.Sub(was.gone) > keep })
	w.known[id] = watcher{streams: w.known[id].streams - 1, gone: now}
}

// Present reports whether the watcher of a run, as recorded, has a stream open.
func (w *Watchers) Present(recorded string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.known[domain.RecordedWatcher(recorded)].streams > 0
}

// GoneSince reports whether the watcher of a run, as recorded, has no stream open, and
// since when. The time is zero if the watcher was never seen here or is forgotten.
func (w *Watchers) GoneSince(recorded string) (time.Time, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known := w.known[domain.RecordedWatcher(recorded)]
	return known.gone, known.streams == 0
}
