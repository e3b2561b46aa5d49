package eventstore

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// lockFile takes the exclusive lock that makes one process the writer of a
// SQLite database. The kernel frees it when the process ends, however it ends.
// The file stays: removing it would let two processes lock two files.
func lockFile(path string) (release func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s is locked", ErrHeld, path)
		}
		return nil, fmt.Errorf("%w: lock %s: %w", ErrUnavailable, path, err)
	}
	return f.Close, nil
}

// lockPath is the lock file of the database, beside its symlink-resolved path.
func (f *sqliteFile) lockPath() string { return f.path + "-lock" }
