package inspect

import (
	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/config"
	"scrapelog/cmd/scrapelog/term"
)

// Audit returns "scrapelog audit".
func Audit() *cobra.Command {
	group := term.RequireSubcommand(&cobra.Command{
		Use:   "audit",
		Short: "Prove the log, and replay it",
		Long:  "audit opens the database directly, beside a running server too.",
	})
	flags := &term.DataFlags{}
	flags.Register(group)
	config.AddDatabaseFlag(group)
	group.AddCommand(newAuditReplayCmd(flags), newAuditDiffCmd(flags),
		newAuditCheckpointCmd(flags), newAuditRotateKeyCmd(flags), newAuditProveCmd(flags), newAuditCheckProofCmd(flags),
		newAuditBundleCmd(flags), newAuditCheckBundleCmd(flags))
	return group
}
