package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"scrapelog/handlers/gate"
)

// withoutLogins is the flag that lets other machines in, as long as nobody has
// to log in.
const withoutLogins = "listen-without-logins"

func addWithoutLoginsFlag(cmd *cobra.Command) {
	cmd.Flags().Bool(withoutLogins, false, "let other machines reach --listen: with no logins yet, whoever does reads the whole log, and starts, cancels and pauses")
	bindEnv(cmd, withoutLogins, "SCRAPELOG_LISTEN_WITHOUT_LOGINS")
}

// allowsOthers says whether the flag was given.
func allowsOthers(cmd *cobra.Command) bool {
	f := cmd.Flag(withoutLogins)
	return f != nil && f.Value.String() == "true"
}

// checkReach refuses an address that other machines reach, unless that is meant.
func checkReach(address string, meant bool) error {
	if meant || gate.OnlyHere(address) {
		return nil
	}
	return usagef("listen: other machines reach %s, and there are no logins yet: whoever does reads the whole log, and starts, cancels and pauses; "+
		"use 127.0.0.1, or --%s (listen_without_logins: true) if that is meant", address, withoutLogins)
}

// reachReminder is how often a service that other machines reach says so.
const reachReminder = time.Hour

// warnOfReach logs what other machines may do at an address that they reach: now
// and each hour, until ctx ends. It logs nothing for an address of this machine.
func warnOfReach(ctx context.Context, logger *slog.Logger, address, what string) {
	if gate.OnlyHere(address) {
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

// warnOfRoot says that nothing here needs the rights of root: what gets through to
// the service, or to a command of the worker, would have them.
func warnOfRoot(logger *slog.Logger) {
	if os.Geteuid() == 0 {
		logger.Warn("running as root, which is never needed; use a user of its own")
	}
}
