package gate

import (
	"context"
	"log/slog"
	"os"
	"time"
)

// reachReminder is how often the warning about other machines is repeated.
const reachReminder = time.Hour

// WarnOfReach logs, now and each hour until ctx ends, what other machines that reach
// an address may do. It logs nothing for a loopback address, and for none.
func WarnOfReach(ctx context.Context, logger *slog.Logger, address, what string) {
	if address == "" || OnlyHere(address) {
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

// WarnOfRoot logs a warning if the process runs as root, because an attacker of the
// service, or of a command of the worker, would have those rights.
func WarnOfRoot(logger *slog.Logger) {
	if os.Geteuid() == 0 {
		logger.Warn("running as root, which is never needed; use a separate user")
	}
}
