package worker

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// guards holds the process ids that os/exec waits for.
var guards sync.Map

// orphanAge is how long a child must have been dead before it is taken for an
// orphan: os/exec takes note of its own children sooner.
const orphanAge = time.Second

// reapOrphans takes note of the end of processes that this one has inherited. It
// returns when ctx ends, or at once where it inherits none: only the first process
// of a container does, such as what was started there with "docker exec".
func reapOrphans(ctx context.Context) error {
	if os.Getpid() != 1 {
		return nil
	}
	changes := make(chan os.Signal, 1)
	signal.Notify(changes, syscall.SIGCHLD)
	defer signal.Stop(changes)
	for dead := map[stat]bool{}; ; {
		again := make(<-chan time.Time)
		if len(dead) > 0 {
			again = time.After(orphanAge)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-again:
			dead = reap(dead)
		case <-changes:
			if len(dead) == 0 {
				dead = reap(dead)
			}
		}
	}
}

// reap takes note of the children that were dead before, and returns those that
// are dead now.
func reap(before map[stat]bool) map[stat]bool {
	now := map[stat]bool{}
	for _, s := range processes() {
		if _, ours := guards.Load(s.pid); ours || s.parent != os.Getpid() || s.state != 'Z' {
			continue
		}
		if !before[s] {
			now[s] = true
			continue
		}
		_, _ = syscall.Wait4(s.pid, nil, syscall.WNOHANG, nil)
	}
	return now
}
