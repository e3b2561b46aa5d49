package eventstore_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/instances"
)

// otherNames make another name for a database file.
var otherNames = map[string]func(t *testing.T, from, to string){
	"a hard link": func(t *testing.T, from, to string) {
		if err := os.Link(from, to); err != nil {
			t.Fatal(err)
		}
	},
	"a symbolic link to a hard link": func(t *testing.T, from, to string) {
		if err := errors.Join(os.Link(from, to+"2"), os.Symlink(to+"2", to)); err != nil {
			t.Fatal(err)
		}
	},
	"a bind mount of the file": func(t *testing.T, from, to string) {
		if err := os.WriteFile(to, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount(from, to, "", unix.MS_BIND, ""); errors.Is(err, unix.EPERM) {
			t.Skip("this account may not mount")
		} else if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Unmount(to, unix.MNT_DETACH) })
	},
}

// TestOneDatabaseHasOneServer: whichever other name the file of a served database
// is opened by, for serving, maintenance or reading, it is refused. What the
// server wrote is then there under both names.
func TestOneDatabaseHasOneServer(t *testing.T) {
	for name, link := range otherNames {
		t.Run(name, func(t *testing.T) {
			db := eventstoretest.SQLite(t)
			serving := opened(t, db.URL)
			if err := serving.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			instance, err := instances.New(serving).Acquire(t.Context(), "serving")
			if err != nil {
				t.Fatal(err)
			}
			other := filepath.Join(t.TempDir(), "other.db")
			link(t, strings.TrimPrefix(db.URL, "sqlite:"), other)
			for _, readOnly := range []bool{false, true} {
				_, err := eventstore.Open(t.Context(), eventstore.Config{URL: "sqlite:" + other, ReadOnly: readOnly})
				if !errors.Is(err, eventstore.ErrHeld) || !strings.Contains(err.Error(), "under another name") {
					t.Errorf("read-only %t: %v", readOnly, err)
				}
			}
			if err := errors.Join(instance.Release(t.Context()), serving.Close()); err != nil {
				t.Fatal(err)
			}
			second := opened(t, "sqlite:"+other)
			release, err := instances.New(second).Maintain(t.Context())
			if err != nil {
				t.Fatalf("after the release: %v", err)
			}
			if _, err := open(t, db.URL); !errors.Is(err, eventstore.ErrHeld) {
				t.Errorf("beside maintenance under another name: %v", err)
			}
			release()
		})
	}
}

func opened(t *testing.T, url string) *eventstore.Store {
	t.Helper()
	s, err := open(t, url)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestLockFilesAreFiles: a link in the place of the lock file is not followed, and
// nothing else that stands there is taken for it.
func TestLockFilesAreFiles(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"a symbolic link to nothing": func(path string) error { return os.Symlink(path+"-target", path) },
		"a pipe":                     func(path string) error { return unix.Mkfifo(path, 0o600) },
		"a folder":                   func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			db := eventstoretest.SQLite(t)
			s := db.Open(t)
			lock := strings.TrimPrefix(db.URL, "sqlite:") + "-lock"
			if err := make(lock); err != nil {
				t.Fatal(err)
			}
			if _, err := instances.New(s).Acquire(t.Context(), "a"); !errors.Is(err, eventstore.ErrUnavailable) || !strings.Contains(err.Error(), lock) {
				t.Error(err)
			}
			if _, err := os.Lstat(lock + "-target"); !errors.Is(err, os.ErrNotExist) {
				t.Error("the link was followed")
			}
		})
	}
}
