package live

import (
	"maps"
	"sync"
	"time"

	"scrapelog/domain"
)

// keep is for how long a watcher that went away is remembered: far longer than
// any grace, and not for ever.
const keep = time.Hour

// Watchers knows which watchers have a stream open. The zero value is ready for
// use, and so are its methods for any number of goroutines.
type Watchers struct {
	mu    sync.Mutex
	known map[string]watcher // by the digest of the id
}

type watcher struct {
	streams int       // open now: a page that is reloaded has two for a moment
	gone    time.Time // when the last one closed
}

// Enter says that a stream of the watcher with this id is open until leave is called,
// which counts once.
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

// Present says whether the watcher that a run was recorded with has a stream open.
func (w *Watchers) Present(recorded string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.known[domain.RecordedWatcher(recorded)].streams > 0
}

// GoneSince says whether the watcher that a run was recorded with has no stream open,
// and since when: zero if it was never seen here, or so long ago that it is forgotten.
func (w *Watchers) GoneSince(recorded string) (time.Time, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known := w.known[domain.RecordedWatcher(recorded)]
	return known.gone, known.streams == 0
}
