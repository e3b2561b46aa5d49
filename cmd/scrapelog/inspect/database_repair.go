package inspect

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/eventstore"
	"scrapelog/projections"
)

func newDBRepairCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "repair-guards",
		Example: "  scrapelog db repair-guards",
		Short:   "Rebuild the guard rows from the log, and restore its triggers and offsets",
		Long: `repair-guards rebuilds every guard row from the log, restores triggers and functions
that were dropped, disabled or changed, and sets back offsets that lie past the end of
the log; a projection with such an offset is rebuilt. It does not change events: run
"scrapelog events verify" first, which reports whether anyone has.

No server may have the database meanwhile (exit 6).`,
		RunE: term.Run(maintaining("stop it to repair its guards", repair)),
	}
}

func repair(ctx context.Context, store *eventstore.Store, out *term.Printer, _ []string) error {
	names := projections.Names()
	done, err := store.RepairGuards(ctx, names)
	if err != nil {
		return err
	}
	behind := slices.DeleteFunc(slices.Clone(done.Offsets), func(name string) bool { return !slices.Contains(names, name) })
	if len(behind) > 0 {
		if err := projections.Rebuild(ctx, store, behind, out.Progress("rebuild "+strings.Join(behind, ", "))); err != nil {
			return err
		}
	}
	offsets := "none past the end of the log"
	if len(done.Offsets) > 0 {
		offsets = "set back: " + strings.Join(done.Offsets, ", ")
	}
	if err := out.Facts(done, [2]string{"guards", fmt.Sprintf("%d rewritten", done.Guards)}, [2]string{"offsets", offsets}); err != nil {
		return err
	}
	flaws, err := store.Flaws(ctx)
	if err != nil {
		return err
	}
	for _, f := range flaws {
		if !f.Weak() {
			return term.Failf(term.ErrNegative, "%s", f.Says)
		}
	}
	return nil
}
