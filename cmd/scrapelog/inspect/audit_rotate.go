package inspect

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
)

func newAuditRotateKeyCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate-key",
		Short: "Replace the key of the log; the old key signs the new one",
		Long: `rotate-key signs everything with the key of the log and then puts a new key into its
file, with a statement that both keys sign. The old private key is gone. Checkpoints of
the old key stay good up to the last event that was signed, and no further: rotate a key
that others may have seen. "events verify --key OLD" follows the statement to the new key.

Witnesses (audit.witnesses) know the log by its name, which stays, and by its keys: they
refuse what the new key signs until it is registered with them too.

No server may use the database at that time (exit 6). Copy the file to the other instances
and hand the new public key to those who verify elsewhere.`,
		Example: "  scrapelog audit rotate-key",
	}
	cmd.RunE = term.Run(maintaining("stop it to replace its key", func(ctx context.Context, store *eventstore.Store, out *term.Printer, _ []string) error {
		files, err := proofFiles(cmd)
		if err != nil {
			return err
		}
		sealer, err := proof.Open(ctx, proof.Config{Store: store, Files: files, Logger: term.LoggerFrom(ctx)})
		if err != nil {
			return err
		}
		if err := maySeal(sealer); err != nil {
			return err
		}
		key, err := sealer.RotateKey(ctx)
		if err != nil {
			return err
		}
		sealed := sealer.State().Sealed
		return out.Facts(struct {
			Key    string `json:"key"`
			File   string `json:"file"`
			Sealed int64  `json:"sealed"`
		}{key.Public, sealer.Files().Key, sealed},
			[2]string{"key", key.Public}, [2]string{"file", sealer.Files().Key}, [2]string{"the old key counts up to", fmt.Sprintf("event %d", sealed)})
	}))
	addProofFlags(cmd)
	return cmd
}
