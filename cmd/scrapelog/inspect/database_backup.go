package inspect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/config"
	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
)

func newDBBackupCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy a SQLite database while it is used, and verify the copy",
		Long: `backup copies a SQLite database, as it is at one moment, to FILE, which must not be
there yet; a server goes on meanwhile. It verifies the whole copy before it reports it: a
log that is damaged is not a backup (exit 5).

The key and the checkpoints of the log lie outside the database: keep copies of them too.
To go back to a backup, stop the server, put FILE in the place of the database, remove
its -wal and -shm files, and run "scrapelog audit checkpoint --accept-restored REASON".

A PostgreSQL database is backed up with pg_dump (exit 6).`,
		Example: "  scrapelog db backup monday.db",
		Args:    term.Exactly("FILE"),
	}
	cmd.RunE = term.Run(reading(func(ctx context.Context, store *eventstore.Store, out *term.Printer, args []string) error {
		files, err := proofFiles(cmd)
		if err != nil {
			return err
		}
		if store.Dialect() == eventstore.Postgres {
			url, err := config.DatabaseURL(cmd)
			if err != nil {
				return err
			}
			return term.Failf(term.ErrRefused, "PostgreSQL has its own tools for that: run pg_dump --format=custom --file=%s %s, and keep the key and the checkpoints of the log too", args[0], eventstore.Redact(url))
		}
		result, err := backUp(ctx, store, files, args[0], out)
		if err == nil {
			recordRead(ctx, cmd, store, out, domain.LogRead{What: domain.ReadBackup, Until: result.Head})
		}
		return err
	}))
	addProofFlags(cmd)
	return cmd
}

func backUp(ctx context.Context, store *eventstore.Store, files proof.Files, path string, out *term.Printer) (proof.Result, error) {
	files, err := proof.FilesOf(ctx, store, files)
	if err != nil {
		return proof.Result{}, err
	}
	// The copy outside goes on while the database is copied: the backup is compared with
	// what was there before.
	before := path + ".checkpoints"
	if err := copyOf(files.Checkpoints, before); err != nil {
		return proof.Result{}, cannotWrite(before, err)
	}
	defer os.Remove(before)
	if err := store.Backup(ctx, path); err != nil {
		return proof.Result{}, cannotWrite(path, err)
	}
	result, err := verifyBackup(ctx, path, proof.Files{Key: files.Key, Checkpoints: before}, out)
	if err == nil && result.Verdict == proof.Damaged {
		err = term.Failf(proof.ErrDamaged, "the copy is no backup and was removed: %s", result.Text())
	}
	info, statErr := os.Stat(path)
	if err := errors.Join(err, statErr); err != nil {
		return result, errors.Join(err, os.Remove(path))
	}
	fmt.Fprintf(out.Notes, "keep copies of %s and %s too: they prove the log\n", files.Key, files.Checkpoints)
	return result, out.Facts(struct {
		File    string        `json:"file"`
		Bytes   int64         `json:"bytes"`
		Head    int64         `json:"head"`
		Sealed  int64         `json:"sealed"`
		Verdict proof.Verdict `json:"verdict"`
	}{path, info.Size(), result.Head, result.Sealed, result.Verdict},
		[2]string{"file", path}, [2]string{"bytes", strconv.FormatInt(info.Size(), 10)}, [2]string{"head", strconv.FormatInt(result.Head, 10)},
		[2]string{"proven up to", strconv.FormatInt(result.Sealed, 10)}, [2]string{"verdict", string(result.Verdict)})
}

func verifyBackup(ctx context.Context, path string, files proof.Files, out *term.Printer) (proof.Result, error) {
	copied, err := eventstore.Open(ctx, eventstore.Config{URL: "sqlite:" + path, Logger: term.LoggerFrom(ctx), ReadOnly: true})
	if err != nil {
		return proof.Result{}, err
	}
	defer func() {
		_ = copied.Close()
		_, _ = os.Remove(path+"-wal"), os.Remove(path+"-shm") // of reading it
	}()
	return proof.Verify(ctx, copied, proof.Options{Files: files, Copy: true}, out.Progress("verify"))
}

// copyOf copies a file; one that is not there is copied to none.
func copyOf(from, to string) error {
	const most = 1 << 30
	content, err := proof.ReadFile(from, most)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o600)
}

func cannotWrite(path string, err error) error {
	if errors.Is(err, eventstore.ErrUnavailable) {
		return err
	}
	if errors.Is(err, fs.ErrExist) {
		return term.Failf(term.ErrUnreachable, "%s is there already and is not replaced; choose another name", filepath.Clean(path))
	}
	return fmt.Errorf("%w: %w", term.ErrUnreachable, err)
}
