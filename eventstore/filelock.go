package eventstore

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// probing is how long a process that only reads may hold a lock to find out whether
// another process holds it; see [sqliteFile.servedElsewhere].
const probing = 100 * time.Millisecond

// lock takes the locks that make one process the writer of a SQLite database: of
// the lock file beside its path, and of the database file, which is one however
// many names it has. The kernel frees them when the process ends, however it ends.
func (f *sqliteFile) lock() (release func() error, err error) {
	beside, err := lockBeside(f.lockPath())
	if err != nil {
		return nil, err
	}
	if err := f.lockInode(); err != nil {
		return nil, errors.Join(err, beside.Close())
	}
	return func() error { return errors.Join(f.unlockInode(), beside.Close()) }, nil
}

// LockFile makes this process the only one that writes the SQLite database, until
// release is called or the process ends. ErrHeld: another process is.
func (s *Store) LockFile() (release func() error, err error) { return s.file.lock() }

// lockBeside locks the lock file. The file stays: removing it would let two
// processes lock two files.
func lockBeside(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("%w: %s is a symbolic link, and must be a file; remove it", ErrUnavailable, path)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%w: %s is not a regular file; remove it", ErrUnavailable, path), err, f.Close())
	}
	err = flock(f)
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("%w: %s is locked", ErrHeld, path)
	}
	return nil, fmt.Errorf("%w: lock %s: %w", ErrUnavailable, path, err)
}

// flock takes an exclusive lock, or fails with EWOULDBLOCK.
func flock(f *os.File) error {
	for deadline := time.Now().Add(probing); ; time.Sleep(probing / 20) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(deadline) {
			return err
		}
	}
}

// lockPath is the lock file of the database, beside its symlink-resolved path.
func (f *sqliteFile) lockPath() string { return f.path + "-lock" }
