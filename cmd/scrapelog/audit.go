package main

import "github.com/spf13/cobra"

func newAuditCmd() *cobra.Command {
	group := requireSubcommand(&cobra.Command{
		Use:   "audit",
		Short: "Prove the log, and replay it",
		Long:  "audit opens the database directly, beside a running server too.",
	})
	flags := &dataFlags{}
	flags.register(group)
	addDBFlag(group)
	group.AddCommand(newAuditReplayCmd(flags), newAuditDiffCmd(flags),
		newAuditCheckpointCmd(flags), newAuditProveCmd(flags), newAuditCheckProofCmd(flags))
	return group
}
