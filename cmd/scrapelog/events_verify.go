package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
)

func newEventsVerifyCmd(flags *dataFlags) *cobra.Command {
	var since string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Find out whether anybody has changed the log",
		Long: `verify recomputes every hash from the events and compares them with the signed
checkpoints, those in the database and those kept outside it, and names the first
bad position and what happened to it. It writes nothing.

Exit 0: everything that was signed is as it was signed. Exit 5: it is not. Exit 1:
nothing wrong was found, but what would show it is missing. What comes after the
last checkpoint is not signed yet: up to a second while a server runs.`,
		Args: exactly(),
		RunE: flags.run(func(ctx context.Context, cmd *cobra.Command, out *printer, _ []string) error {
			if _, err := strconv.ParseUint(since, 10, 63); err == nil {
				since = "@" + since
			}
			from, err := parseWhen("since", since, time.Now())
			if err != nil {
				return err
			}
			files, err := proofFiles(cmd)
			if err != nil {
				return err
			}
			store, err := openLog(ctx, cmd, true)
			if err != nil {
				return err
			}
			defer store.Close()
			return verifyEvents(ctx, store, files, from, out)
		}),
	}
	addProofFlags(cmd)
	cmd.Flags().StringVar(&since, "since", "", "only what came since "+whenHelp+", from the checkpoint before it on")
	return cmd
}

func verifyEvents(ctx context.Context, store *eventstore.Store, files proof.Files, since when, out *printer) error {
	options := proof.Options{Files: files}
	if since != (when{}) {
		first, err := since.firstPosition(ctx, store)
		if err != nil && !errors.Is(err, domain.ErrNotFound) { // a position that is missing is damage to be found
			return err
		}
		options.Since = first - 1
	}
	result, err := proof.Verify(ctx, store, options, out.progress("verify"))
	if err != nil {
		return err
	}
	if err := showVerification(out, result); err != nil {
		return err
	}
	switch result.Verdict {
	case proof.Damaged:
		return failf(proof.ErrDamaged, "%s", result.Text())
	case proof.Unproven:
		return failf(errNegative, "%s", result.Text())
	}
	return nil
}

func showVerification(out *printer, r proof.Result) error {
	looked := fmt.Sprintf("%d events", r.Head)
	if r.Since > 0 {
		looked = fmt.Sprintf("events %d to %d", r.Since+1, r.Head)
	}
	pairs := [][2]string{
		{"verdict", string(r.Verdict)}, {"looked at", looked}, {"proven up to", strconv.FormatInt(r.Sealed, 10)},
		{"checkpoints", strconv.Itoa(r.Checkpoints)}, {"copy outside", fmt.Sprintf("%s: %s", r.Outside, r.File)}, {"key", r.Key},
	}
	for _, d := range r.Damage {
		pairs = append(pairs, [2]string{"damage", fmt.Sprintf("%s: %s", d.Kind, d.Says)})
	}
	for _, a := range r.Restored {
		pairs = append(pairs, [2]string{"accepted", fmt.Sprintf("%s: %d events had been signed, up to %d they are these: %s", stamp(a.At), a.Superseded, a.Proven, a.Reason)})
	}
	if r.Verdict == proof.Intact {
		pairs = append(pairs, [2]string{"says", r.Says})
	}
	return out.facts(r, pairs...)
}
