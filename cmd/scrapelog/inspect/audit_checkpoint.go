package inspect

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/config"
	"scrapelog/cmd/scrapelog/term"
	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
)

// addProofFlags adds --key and --checkpoints to a command, for logs whose key and
// checkpoints are not where the configuration has them.
func addProofFlags(cmd *cobra.Command) {
	cmd.Flags().String("key", "", "key of the log, as a file or, to verify, as text: its public line is enough (default audit.key of the configuration)")
	cmd.Flags().String("checkpoints", "", "copy of the checkpoints outside the database (default audit.checkpoints of the configuration)")
}

// proofFiles returns the files of the proof of the database: those of the flags, else
// those of the configuration.
func proofFiles(cmd *cobra.Command) (proof.Files, error) {
	return proofFilesBeside(cmd, term.FlagOr(cmd, "key", ""))
}

// proofFilesBeside is proofFiles with the key in that file; empty: where the
// configuration has it.
func proofFilesBeside(cmd *cobra.Command, key string) (proof.Files, error) {
	configured, err := config.ProofFiles(cmd)
	if err != nil {
		return proof.Files{}, err
	}
	return proof.Files{
		Key:         cmp.Or(key, configured.Key),
		Checkpoints: term.FlagOr(cmd, "checkpoints", configured.Checkpoints),
	}, nil
}

func newAuditCheckpointCmd() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:     "checkpoint",
		Example: "  scrapelog audit checkpoint",
		Short:   "Seal what is not sealed yet, and print the signed checkpoint",
		Long: `checkpoint signs all events since the last checkpoint. No server may use the
database at that time: a running server signs every second. If nothing was ever signed
of a log, checkpoint makes its key.

checkpoint refuses a log that does not follow from what was signed, such as that of a
database which was restored from a backup. It refuses a log whose key is missing, and
one whose copy of the checkpoints outside the database is missing or ends before the
checkpoints in the database. --accept-restored signs such a log all the same. The
acceptance, its reason and the number of events that it gives up are signed into a
checkpoint and recorded as an event, and every verification reports them. An
acceptance counts once, at its place in the copy outside.

A copy outside that was forged is never accepted: rename it first.`,
	}
	const instead = "a running server seals by itself every second; stop it to accept a restored backup"
	cmd.RunE = term.Run(maintaining(instead, func(ctx context.Context, store *eventstore.Store, out *term.Printer, _ []string) error {
		files, err := proofFiles(cmd)
		if err != nil {
			return err
		}
		return checkpoint(ctx, store, files, out, cmd.Flag("accept-restored").Changed, reason)
	}))
	addProofFlags(cmd)
	cmd.Flags().StringVar(&reason, "accept-restored", "", "go on from a restored backup, for this `reason`")
	return cmd
}

func checkpoint(ctx context.Context, store *eventstore.Store, files proof.Files, out *term.Printer, accept bool, reason string) error {
	sealer, err := proof.Open(ctx, proof.Config{Store: store, Files: files, Logger: term.LoggerFrom(ctx), Begin: !accept})
	if err != nil {
		return err
	}
	if accept {
		err = acceptRestored(ctx, sealer, reason, out.Notes)
	} else if err = maySeal(sealer); err == nil {
		err = sealer.Seal(ctx)
	}
	if err != nil {
		return err
	}
	c, signed, err := proof.Newest(ctx, store)
	if err != nil {
		return err
	}
	if signed == "" {
		return term.Failf(term.ErrNegative, "the log is empty: there is nothing to sign")
	}
	return showCheckpoint(out, c, signed, sealer.Files().Checkpoints)
}

// maySeal returns why a log cannot be signed; nil: it can.
func maySeal(sealer *proof.Sealer) error {
	if refused := sealer.Refused(); refused != "" {
		return term.Failf(term.ErrRefused, "%s", refused)
	}
	if idle := sealer.State().Idle; idle != "" {
		return term.Failf(term.ErrUnreachable, "%s", idle)
	}
	return nil
}

func acceptRestored(ctx context.Context, sealer *proof.Sealer, reason string, notes io.Writer) error {
	accepted, err := sealer.AcceptRestored(ctx, reason)
	if err == nil {
		fmt.Fprintf(notes, "accepted: %d events had been signed, and up to %d the log is that one\n", accepted.Superseded, accepted.Proven)
	}
	return err
}

// showCheckpoint prints the signed note unchanged where a table is asked for, so that
// it can be kept elsewhere.
func showCheckpoint(out *term.Printer, c proof.Checkpoint, signed, file string) error {
	if out.IsTable() {
		_, err := io.WriteString(out, signed)
		fmt.Fprintf(out.Notes, "%d events are sealed; the checkpoint is in %s too\n", c.Size, file)
		return err
	}
	return out.Document(struct {
		proof.Checkpoint
		Note string `json:"note"`
		File string `json:"file"`
	}{c, signed, file})
}
