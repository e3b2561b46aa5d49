package eventstoretest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Recover ends the server and starts it on a copy of a base backup, from which it
// recovers as settings say, lines of postgresql.conf. Its address stays the same.
func (c *Cluster) Recover(base, settings string) error {
	_ = c.process.Process.Signal(syscall.SIGQUIT) // as if its machine failed
	<-c.done
	if err := os.RemoveAll(c.data); err != nil {
		return err
	}
	if err := os.CopyFS(c.data, os.DirFS(base)); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(c.data, "recovery.signal"), nil, 0o600); err != nil {
		return err
	}
	conf, err := os.OpenFile(filepath.Join(c.data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(conf, settings)
	if closed := conf.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = c.own()
	}
	if err != nil {
		return err
	}
	return c.start(nil)
}

// own gives the data to the user of the server, as private as it wants them.
func (c *Cluster) own() error {
	return filepath.WalkDir(c.data, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && c.as != nil {
			err = os.Chown(path, int(c.as.Uid), int(c.as.Gid))
		}
		if err == nil && entry.IsDir() {
			err = os.Chmod(path, 0o700)
		}
		return err
	})
}
