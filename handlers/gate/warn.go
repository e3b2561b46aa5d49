package gate

import (
	"context"
	"log/slog"
	"os"
	"time"
)

// reachReminder is how often a service that other machines reach says so.
const reachReminder = time.Hour

// WarnOfReach logs what other machines may do at an address that they reach: now
// and each hour, until ctx ends. It logs nothing for an address of this machine.
func WarnOfReach(ctx context.Context, logger *slog.Logger, address, what string) {
	if OnlyHere(address) {
		return
	}
	tick := time.NewTicker(reachReminder)
	defer tick.Stop()
	for {
		logger.Warn(what, "listen", address)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// WarnOfRoot says that nothing here needs the rights of root: what gets through to
// the service, or to a command of the worker, would have them.
func WarnOfRoot(logger *slog.Logger) {
	if os.Geteuid() == 0 {
		logger.Warn("running as root, which is never needed; use a user of its own")
	}
}
