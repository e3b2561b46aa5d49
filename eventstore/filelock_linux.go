package eventstore

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// lockInode locks the database file itself. A hard link and a bind mount of the
// file are other names, with another lock file, -wal and -shm: two servers would
// lose each other's commits. On Linux this lock does not meet SQLite's own, which
// are POSIX locks; but closing any descriptor of the file drops those, so that
// this one stays open until SQLite has closed it.
func (f *sqliteFile) lockInode() error {
	if f.inode == nil {
		inode, err := os.OpenFile(f.path, os.O_RDONLY|unix.O_NOFOLLOW, 0)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		f.inode = inode
		if info, err := inode.Stat(); err != nil || !os.SameFile(info, f.info) {
			return errors.Join(fmt.Errorf("%w: %s was replaced while it was opened; start again", ErrUnavailable, f.path), err)
		}
	}
	err := flock(f.inode)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("%w: %s", ErrHeld, f.otherName())
	}
	if err != nil {
		return fmt.Errorf("%w: lock %s: %w", ErrUnavailable, f.path, err)
	}
	return nil
}

func (f *sqliteFile) unlockInode() error { return unix.Flock(int(f.inode.Fd()), unix.LOCK_UN) }

// sameFile reports whether info is of the file at the path. It does not ask for times: once
// they were read, Linux changes them with each later write, and the flush of a commit has to
// write them too, which takes half as long again.
func sameFile(path string, info os.FileInfo) (bool, error) {
	var is unix.Statx_t
	was, ok := info.Sys().(*syscall.Stat_t)
	if !ok || unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_INO, &is) != nil { // a kernel or a sandbox may not have statx
		now, err := os.Stat(path)
		return err == nil && os.SameFile(now, info), err
	}
	return is.Ino == was.Ino && unix.Mkdev(is.Dev_major, is.Dev_minor) == was.Dev, nil
}

// servedElsewhere returns ErrHeld if the database file is locked and the lock file of
// this path is not. It must be called before SQLite opens the file.
func (f *sqliteFile) servedElsewhere() error {
	// Asked twice: a process that held both locks may be releasing them.
	if isLocked(f.path) && !isLocked(f.lockPath()) && isLocked(f.path) {
		return fmt.Errorf("%w: %s", ErrHeld, f.otherName())
	}
	return nil
}

func (f *sqliteFile) otherName() string {
	return f.path + " is open in another process under another name (a hard link, or a bind mount of the file); SQLite would lose what is written under two names: use the name of that process"
}

func isLocked(path string) bool {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}
