package inspect

import "github.com/spf13/cobra"

// Audit returns "scrapelog audit".
func Audit() *cobra.Command {
	return databaseGroup(&cobra.Command{
		Use:   "audit",
		Short: "Prove the log, and replay it",
		Long:  "audit opens the database directly, beside a running server too.",
	}, newAuditReplayCmd(), newAuditDiffCmd(), newAuditCheckpointCmd(), newAuditRotateKeyCmd(),
		newAuditProveCmd(), newAuditCheckProofCmd(), newAuditBundleCmd(), newAuditCheckBundleCmd())
}
