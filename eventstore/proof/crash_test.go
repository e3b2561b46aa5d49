package proof

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

func TestCrashBetweenHashesAndCheckpoint(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newLog(t, db)
		l.append(7)
		l.own(failing[db.Dialect]...)
		if err := l.sealer.Seal(l.ctx); err == nil || !strings.Contains(err.Error(), "crash") {
			t.Fatalf("sealed in spite of it: %v", err)
		}
		var hashes int
		if err := l.store.Reader().QueryRow(`SELECT count(*) FROM log_hashes`).Scan(&hashes); err != nil || hashes != 0 {
			t.Errorf("%d hashes without a checkpoint, %v", hashes, err)
		}
		l.own(working[db.Dialect])
		l.restart()
		l.seal()
		l.mustBe(l.verify(), Intact)
	})
}

// failing ends the transaction after the hashes were written; working ends that.
var failing = map[eventstore.Dialect][]string{
	eventstore.SQLite: {`CREATE TRIGGER crash BEFORE INSERT ON log_checkpoints BEGIN SELECT RAISE(ABORT, 'crash'); END`},
	eventstore.Postgres: {`CREATE FUNCTION crash() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''crash''; END'`,
		`CREATE TRIGGER crash BEFORE INSERT ON log_checkpoints FOR EACH ROW EXECUTE FUNCTION crash()`},
}

var working = map[eventstore.Dialect]string{
	eventstore.SQLite:   `DROP TRIGGER crash`,
	eventstore.Postgres: `DROP TRIGGER crash ON log_checkpoints`,
}

func TestCrashBetweenDatabaseAndOutside(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newLog(t, db)
		for range 2 {
			l.append(3)
			l.sealInside()
			l.mustBe(l.verify(), Intact)
			l.restart()
			l.append(3)
			l.seal()
		}
		if got, want := l.outside(), []int64{0, 6, 12, 18, 24}; !slices.Equal(got, want) {
			t.Errorf("checkpoints outside cover %v, want %v", got, want)
		}
		l.mustBe(l.verify(), Intact)
	})
}

// TestNothingIsSignedWhileTheCopyCannotBeWritten: but what was before stands.
func TestNothingIsSignedWhileTheCopyCannotBeWritten(t *testing.T) {
	l := newLog(t, eventstoretest.SQLite(t))
	l.append(3)
	aside := l.files.Checkpoints + ".aside"
	if err := errors.Join(os.Rename(l.files.Checkpoints, aside), os.Mkdir(l.files.Checkpoints, 0o700)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := l.sealer.Seal(l.ctx); err == nil {
			t.Fatal("sealed without a copy outside")
		}
	}
	if err := errors.Join(os.Remove(l.files.Checkpoints), os.Rename(aside, l.files.Checkpoints)); err != nil {
		t.Fatal(err)
	}
	l.seal()
	l.mustBe(l.verify(), Intact)
}

// sealInside seals into the database alone: where a crash comes before the copy.
func (l *log) sealInside() {
	l.Helper()
	aside := l.sealer.outside
	lost := filepath.Join(l.TempDir(), "lost")
	copyFile(l.T, l.files.Checkpoints, lost)
	l.sealer.outside = outsideReader{outsideFile: outsideFile{lost}}
	defer func() { l.sealer.outside = aside }()
	l.seal()
}

// TestTornNoteOutside cuts the file off at every byte of its last note, as a
// crash does that comes in the middle of writing it.
func TestTornNoteOutside(t *testing.T) {
	l := newLog(t, eventstoretest.SQLite(t))
	l.append(6)
	l.seal()
	whole, err := os.ReadFile(l.files.Checkpoints)
	if err != nil {
		t.Fatal(err)
	}
	last := strings.LastIndex(strings.TrimRight(string(whole), "\n"), "\n\nscrapelog/") + 2
	for cut := last; cut < len(whole); cut++ {
		if err := os.WriteFile(l.files.Checkpoints, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		l.mustBe(l.verify(), Intact)
		l.restart()
		l.seal()
		if r := l.verify(); r.Verdict != Intact || r.Sealed != 12 || l.sealer.Refused() != "" || !slices.Contains(l.outside(), 12) {
			t.Fatalf("cut at byte %d: %s, sealed %d, outside %v, refused %q", cut, r.Text(), r.Sealed, l.outside(), l.sealer.Refused())
		}
	}
}
