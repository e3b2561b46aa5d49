//go:build !linux

package eventstore

import (
	"fmt"
	"os"
	"syscall"
)

// lockInode refuses a database file that has several names: elsewhere than on
// Linux a lock of the file itself would keep SQLite's own readers out.
func (f *sqliteFile) lockInode() error { return f.servedElsewhere() }

func (f *sqliteFile) unlockInode() error { return nil }

// sameFile reports whether info is of the file at the path.
func sameFile(path string, info os.FileInfo) (bool, error) {
	now, err := os.Stat(path)
	return err == nil && os.SameFile(now, info), err
}

func (f *sqliteFile) servedElsewhere() error {
	info, err := os.Stat(f.path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Nlink > 1 {
		return fmt.Errorf("%w: %s has several names (hard links), under which SQLite would lose what is written; remove all but one", ErrHeld, f.path)
	}
	return nil
}
