package inspect

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/credentials"
	"scrapelog/eventstore/proof"
)

// recordRead records, where there are users, that this command gives out events. By is
// the number of the account of the operating system: names stay out of the log, which
// cannot forget. A database that this account can only read is read all the same, with a
// note: a person who can read the file does not need this program.
func recordRead(ctx context.Context, cmd *cobra.Command, store *eventstore.Store, out *term.Printer, e domain.LogRead) {
	users, err := credentials.New(store, "").Any(ctx)
	if err == nil && !users {
		return
	}
	e.At, e.By = time.Now().UTC().Truncate(time.Microsecond), fmt.Sprintf("cli:%d", os.Getuid())
	if err == nil {
		err = appendRead(ctx, cmd, e)
	}
	if err != nil {
		fmt.Fprintf(out.Notes, "the event log.read could not be recorded: %v\n", err)
	}
}

// appendRead appends the event beside a running server too: it is no decision about runs.
func appendRead(ctx context.Context, cmd *cobra.Command, e domain.LogRead) error {
	store, err := openLog(ctx, cmd, false)
	if err != nil {
		return err
	}
	return errors.Join(proof.RecordRead(ctx, store, e), store.Close())
}
