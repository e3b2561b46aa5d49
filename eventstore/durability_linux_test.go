package eventstore_test

import (
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

// smallDisk is a folder that holds 2 MiB, if we may mount one.
func smallDisk(t *testing.T) (dir string, ok bool) {
	t.Helper()
	dir = t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Logf("no file system can be mounted (%v)", err)
		return dir, false
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir, true
}

func TestFullDisk(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		dir, mounted := smallDisk(t)
		s, free := onFullDisk(t, db, dir, mounted)
		acknowledged, refusal := appendUntilRefused(t, s)
		assertRefused(t, refusal, "make room on")
		assertGapFree(t, s, acknowledged+3) // it can still be read
		free()
		appendRuns(t, s, 3)
		assertGapFree(t, s, acknowledged+6)
	})
}

// A file system that was made read-only says so, is still read, and serves again
// as soon as it can be written.
func TestReadOnlyFileSystem(t *testing.T) {
	dir, mounted := smallDisk(t)
	db := fileIn(dir)
	s := db.Open(t)
	appendRuns(t, s, 3)
	if !mounted {
		write(t, s, `PRAGMA query_only = ON`)
		_, err := s.Append(t.Context(), appendOf(0, started(uuid.New())))
		assertRefused(t, err, "writable")
		return
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	remount := func(flags uintptr) {
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	remount(unix.MS_RDONLY)
	_, err := open(t, db.URL)
	assertRefused(t, err, "writable")
	reader, err := eventstore.Open(t.Context(), eventstore.Config{URL: db.URL, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	assertGapFree(t, reader, 3)
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	remount(0)
	s = db.Open(t)
	appendRuns(t, s, 1)
	assertGapFree(t, s, 4)
}
