package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/react"
)

func newEventsImportCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Put an export into an empty log",
		Long: `import reads what "scrapelog events export" wrote into a log that is empty, of either
kind of database: the same bytes, and so the same root hash. It makes the database if
there is none, and signs the log at the end.

The whole file is checked before anything is written. A line that was changed, is missing
or was cut is named, and nothing is changed (exit 2). A log that is not empty is refused
(exit 6), unless it holds the beginning of the file: then an import that was interrupted
goes on. A key or checkpoints of another log cannot sign it (exit 6): the events are in
the log then, and another import signs it with files of its own.

No server may have the database meanwhile (exit 6). Runs that were open are ended when a
server starts, as after a restore.`,
		Example: `  scrapelog events import log.ndjson --db sqlite:copy.db`,
		Args:    term.Exactly("FILE"),
	}
	cmd.RunE = term.Run(func(ctx context.Context, cmd *cobra.Command, out *term.Printer, args []string) error {
		files, err := proofFiles(cmd)
		if err != nil {
			return err
		}
		file, err := os.Open(args[0])
		if err != nil {
			return cannotOpen(args[0], err)
		}
		defer file.Close()
		store, err := openDatabase(ctx, cmd, false)
		if err != nil {
			return err
		}
		defer store.Close()
		release, err := maintain(ctx, store, "stop it, or import into another database")
		if err != nil {
			return err
		}
		defer release()
		i := importing{store, file, args[0], out}
		return i.run(ctx, files)
	})
	addProofFlags(cmd)
	return cmd
}

func cannotOpen(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", path, domain.ErrNotFound)
	}
	return fmt.Errorf("%w: %w", term.ErrUnreachable, err)
}

// importing is an import of a file into a log.
type importing struct {
	store *eventstore.Store
	file  *os.File
	path  string
	out   *term.Printer
}

// importBatch is how many events are put into the log at once.
const importBatch = 1000

func (i importing) run(ctx context.Context, files proof.Files) error {
	if err := i.store.Migrate(ctx); err != nil {
		return err
	}
	head, root, err := proof.RootOf(ctx, i.store)
	if err != nil {
		return err
	}
	whole, want, err := i.check(ctx, head, root)
	if err != nil {
		return err
	}
	if err := i.write(ctx, head, whole); err != nil {
		return err
	}
	if err := i.store.EndImport(ctx); err != nil {
		return err
	}
	if got, root, err := proof.RootOf(ctx, i.store); err != nil || got != whole || root != want {
		return errors.Join(err, term.Failf(proof.ErrDamaged, "the log has %d events with the root %s, and the file %d with %s", got, root, whole, want))
	}
	sealed, refused := i.seal(ctx, files)
	err = i.out.Facts(struct {
		Events  int64  `json:"events"`
		There   int64  `json:"already_there"`
		Root    string `json:"root"`
		Sealed  bool   `json:"sealed"`
		Because string `json:"not_sealed_because,omitempty"`
	}{whole, head, want.String(), sealed == "", sealed},
		[2]string{"events", strconv.FormatInt(whole, 10)}, [2]string{"already there", strconv.FormatInt(head, 10)},
		[2]string{"root", want.String()}, [2]string{"not sealed", sealed})
	if err == nil && refused {
		return term.Failf(term.ErrRefused, "the events are in the log, but it is not signed, and a server starts no runs: the key or the checkpoints at its place are not those of this log. "+
			`Import again with files of its own (--key, --checkpoints; audit.key and audit.checkpoints for the server), or, if it takes the place of the log that they are of, run "scrapelog audit checkpoint --accept-restored REASON"`)
	}
	return err
}

// check reads the whole file. The log, which has head events with that root, must be its
// beginning.
func (i importing) check(ctx context.Context, head int64, root tlog.Hash) (events int64, want tlog.Hash, err error) {
	var export proof.Exported
	begins := head == 0
	err = i.lines(ctx, "check", &export, func(proof.Event) error {
		size, at := export.Tree()
		begins = begins || size == head && at == root
		if size == head && !begins {
			return errLogNotEmpty
		}
		return nil
	})
	if err == nil && !begins {
		err = errLogNotEmpty
	}
	if err != nil {
		return 0, want, err
	}
	events, want, err = export.Close()
	if err != nil {
		err = fmt.Errorf("%s: %w", i.path, err)
	}
	return events, want, err
}

var errLogNotEmpty = term.Failf(term.ErrRefused, "the log is not empty, and is not the beginning of the file: import into another database (--db)")

// lines reads the file from its beginning.
func (i importing) lines(ctx context.Context, what string, export *proof.Exported, yield func(proof.Event) error) error {
	if _, err := i.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("%w: %s: %w", term.ErrUnreachable, i.path, err)
	}
	progress := i.out.Progress(what)
	err := export.Read(ctx, i.file, func(e proof.Event) error {
		progress(e.Position, export.Last)
		return yield(e)
	})
	if errors.Is(err, domain.ErrInvalid) {
		return fmt.Errorf("%s: %w", i.path, err)
	}
	return err
}

// write puts the events after head into the log.
func (i importing) write(ctx context.Context, head, whole int64) error {
	var batch []eventstore.Stored
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := i.store.Import(ctx, batch, whole, []string{react.RescrapeGroup})
		batch = batch[:0]
		return err
	}
	err := i.lines(ctx, "import", &proof.Exported{}, func(e proof.Event) error {
		if e.Position <= head {
			return nil
		}
		if batch = append(batch, eventstore.Stored(e)); len(batch) < importBatch {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

// seal signs the log. It returns why it could not, and whether the proof that is at its
// place forbids it; the log is whole all the same.
func (i importing) seal(ctx context.Context, files proof.Files) (why string, refused bool) {
	sealer, err := proof.Open(ctx, proof.Config{Store: i.store, Files: files, Logger: term.LoggerFrom(ctx), Begin: true})
	if err == nil && sealer.Refused() != "" {
		return sealer.Refused(), true
	}
	if err == nil {
		err = sealer.Seal(ctx)
	}
	if err != nil {
		return err.Error(), errors.Is(err, domain.ErrConflict)
	}
	return sealer.State().Idle, false
}
