package main

import (
	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/handlers/gate"
)

// withoutLogins is the flag that lets other machines in, as long as nobody has
// to log in.
const withoutLogins = "listen-without-logins"

func addWithoutLoginsFlag(cmd *cobra.Command) {
	cmd.Flags().Bool(withoutLogins, false, "let other machines reach --listen: with no logins yet, whoever does reads the whole log, and starts, cancels and pauses")
	term.BindEnv(cmd, withoutLogins, "SCRAPELOG_LISTEN_WITHOUT_LOGINS")
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
	return term.Usagef("listen: other machines reach %s, and there are no logins yet: whoever does reads the whole log, and starts, cancels and pauses; "+
		"use 127.0.0.1, or --%s (listen_without_logins: true) if that is meant", address, withoutLogins)
}
