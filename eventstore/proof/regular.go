package proof

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// openRegular opens a file for reading. Anything but a regular file is refused:
// a FIFO would block its reader, and a device never ends.
func openRegular(path string) (*os.File, fs.FileInfo, error) {
	return openAs(path, os.O_RDONLY)
}

func openAs(path string, flag int) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, flag|syscall.O_NONBLOCK, 0o600) // a FIFO opens at once, or fails
	if errors.Is(err, syscall.ENXIO) {
		return nil, nil, fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

// ReadFile reads a regular file of at most limit bytes.
func ReadFile(path string, limit int64) ([]byte, error) {
	f, _, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadAll(f, path, limit)
}

// ReadAll reads r to its end and refuses more than limit bytes.
func ReadAll(r io.Reader, name string, limit int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return content, err
}

// owned refuses a file that another user owns: they can change it at any time.
// Root may own it, and root may use the file of any user.
func owned(path string, info fs.FileInfo) error {
	stat, known := info.Sys().(*syscall.Stat_t)
	us := os.Geteuid()
	if known && us != 0 && int(stat.Uid) != us && stat.Uid != 0 {
		return fmt.Errorf("%s belongs to another user (uid %d): give it to the user that runs scrapelog, with \"chown\"", path, stat.Uid)
	}
	return nil
}

// private refuses a file that others can read or write, as ssh does.
func private(path string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%s holds a private key, and its mode %04o lets other users at it: run \"chmod 600 %s\"; if anybody may have copied it, replace the key", path, mode, path)
	}
	return owned(path, info)
}

// unshared refuses a file that others can write.
func unshared(path string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("%s can be written by other users (mode %04o): run \"chmod 600 %s\"", path, mode, path)
	}
	return owned(path, info)
}
