// Package systemd tells the service manager how a process is: that it serves, that it is
// alive, and what it does. Without a manager it does nothing.
package systemd

import (
	"context"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// statusEvery is the pause between two statuses where the manager watches nothing.
const statusEvery = 10 * time.Second

// Notifier speaks for one process. The fields are required.
type Notifier struct {
	Status func(ctx context.Context) string // one line for people
	Logger *slog.Logger
}

// Run says that the process serves, and from then on, until ctx ends, that it is alive
// and what it does. A status that is not found in time is a missing sign of
// life: the manager starts the process again.
func (n Notifier) Run(ctx context.Context) error {
	pause := statusEvery
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		n.Logger.Warn("cannot read the watchdog's limit from the environment", "error", err)
	}
	if limit > 0 {
		pause = min(pause, limit/3)
	}
	if !n.tell(daemon.SdNotifyReady) {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		n.tell(daemon.SdNotifyWatchdog + "\nSTATUS=" + n.Status(ctx))
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// tell reports whether there is a manager.
func (n Notifier) tell(state string) bool {
	told, err := daemon.SdNotify(false, state)
	if err != nil {
		n.Logger.Warn("cannot tell the service manager", "error", err)
	}
	return told || err != nil
}
