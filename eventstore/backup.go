package eventstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
)

// Backup copies a SQLite database to a new file, as it is at one moment. Others may read
// and write meanwhile. If it fails, no file is left. The error wraps fs.ErrExist when
// there is one already.
func (s *Store) Backup(ctx context.Context, path string) (err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			_ = os.Remove(path)
		}
	}()
	conn, err := s.read.Conn(ctx)
	if err != nil {
		return Unavailable(ctx, "back up", err)
	}
	defer conn.Close()
	err = conn.Raw(func(driver any) error {
		source, ok := driver.(interface {
			NewBackup(to string) (*sqlite.Backup, error)
		})
		if !ok {
			return fmt.Errorf("%T cannot be backed up", driver)
		}
		backup, err := source.NewBackup(sqliteDSN(path))
		if err != nil {
			return err
		}
		_, err = backup.Step(-1) // all pages in one transaction: none of two moments
		return errors.Join(err, backup.Finish())
	})
	if err != nil {
		return Unavailable(ctx, "back up", err)
	}
	return file.Sync()
}
