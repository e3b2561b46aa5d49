package live

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestAWatcherIsThereAsLongAsOneOfItsStreamsIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w Watchers
		if since, gone := w.GoneSince("tab"); !gone || !since.IsZero() {
			t.Errorf("a watcher never seen: %v, %v", since, gone)
		}
		leave := w.Enter("tab")
		reloaded := w.Enter("tab")
		leave()
		leave()
		if _, gone := w.GoneSince("tab"); gone || !w.Present("tab") {
			t.Error("gone although its second stream is open")
		}
		reloaded()
		left := time.Now()
		time.Sleep(3 * time.Second)
		if since, gone := w.GoneSince("tab"); !gone || !since.Equal(left) || w.Present("tab") {
			t.Errorf("gone since %v, %v, want %v", since, gone, left)
		}
	})
}

func TestWatchersThatWentLongAgoAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w Watchers
		w.Enter("old")()
		stay := w.Enter("here")
		time.Sleep(keep + time.Second)
		w.Enter("new")()
		if len(w.known) != 2 || !w.Present("here") {
			t.Errorf("known: %v", w.known)
		}
		stay()
	})
}

func TestASubscriberIsAPresentWatcher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w Watchers
		cfg := newSource().config()
		cfg.Watchers = &w
		h := run(t, cfg)
		ctx, leave := context.WithCancel(t.Context())
		if _, err := h.Subscribe(ctx, "tab"); err != nil {
			t.Fatal(err)
		}
		if !w.Present("tab") {
			t.Error("its stream is open and it is not present")
		}
		leave()
		synctest.Wait()
		if w.Present("tab") {
			t.Error("its stream has ended and it is present")
		}
	})
}

func TestWatchersAreUsedByManyAtOnce(t *testing.T) {
	var w Watchers
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			leave := w.Enter("tab")
			w.Present("tab")
			w.GoneSince("tab")
			leave()
		})
	}
	all.Wait()
	if w.Present("tab") {
		t.Error("everybody has left and it is present")
	}
}
