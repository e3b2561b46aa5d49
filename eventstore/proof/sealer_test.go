package proof

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/instances"
)

// run lets the sealer run until stop is called, which waits for its end.
func (l *log) run(s *Sealer) (stop func()) {
	ctx, cancel := context.WithCancel(l.ctx)
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			l.Errorf("Run: %v", err)
		}
	})
}

// await polls until it is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !so() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestNoFalseAlarmWhileTheLogGrows(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newLog(t, db)
		defer l.run(l.sealer)()
		if db.Dialect == eventstore.Postgres { // a second instance, with a file of its own
			other := *l
			other.store, other.files.Checkpoints = db.Open(t), filepath.Join(t.TempDir(), "other")
			other.restart()
			defer func() {
				other.mustBe(other.verify(), Intact)
			}()
			defer other.run(other.sealer)()
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			l.append(150)
		}()
		for growing := true; growing; {
			select {
			case <-done:
				growing = false
			default:
			}
			await(t, "the first seal", func() bool { return l.sealer.State().Sealed > 0 })
			l.mustBe(l.verify(), Intact)
			if reason := l.sealer.Refused(); reason != "" {
				t.Fatalf("refused: %s", reason)
			}
		}
	})
}

// ending ends a context just before a table is read.
type ending struct {
	eventstore.Querier
	table string
	end   func()
}

func (e ending) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if strings.Contains(query, e.table) {
		e.end()
	}
	return e.Querier.QueryContext(ctx, query, args...)
}

// A stop in the middle of a check says nothing about the log.
func TestAStopIsNoDamage(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newLog(t, db)
		l.append(5)
		l.seal()
		for _, table := range []string{"FROM log_hashes", "FROM events"} {
			ctx, stop := context.WithCancel(l.ctx)
			err := l.sealer.lastSealed(ctx, ending{l.store.Reader(), table, stop}, 5)
			if _, refused := errors.AsType[*Refusal](err); err == nil || refused {
				t.Errorf("stopped while it reads %s: %v", table, err)
			}
		}
	})
}

func TestStopSignsLast(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newLog(t, db)
		l.sealer.interval = time.Hour
		stop := l.run(l.sealer)
		defer stop()
		l.append(2)
		stop()
		if r := l.verify(); r.Sealed != 4 || r.Verdict != Intact {
			t.Errorf("sealed up to %d of 4: %s", r.Sealed, r.Text())
		}
	})
}

func TestABatchIsSealedBeforeItsTime(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newLog(t, db)
		l.sealer.interval = time.Hour
		l.append(1)
		defer l.run(l.sealer)()
		await(t, "what was there is sealed", func() bool { return l.sealer.State().Sealed == 2 })
		l.append(testBatch / 2)
		await(t, "a batch is sealed", func() bool { return l.sealer.State().Sealed == 2+testBatch })
	})
}

func TestRestartGoesOn(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newLog(t, db)
		for range 3 {
			l.append(7)
			l.seal()
			l.restart()
			if reason := l.sealer.Refused(); reason != "" {
				t.Fatal(reason)
			}
		}
		if got, want := l.outside(), []int64{0, 10, 14, 24, 28, 38, 42}; !slices.Equal(got, want) {
			t.Errorf("checkpoints outside cover %v, want %v", got, want)
		}
		l.mustBe(l.verify(), Intact)
		recent, err := Recent(l.ctx, l.store, 2)
		if err != nil || len(recent) != 2 || recent[0].Size != 42 || recent[1].Size != 38 || !strings.Contains(recent[0].Note, recent[0].Root.String()) || recent[0].At.Before(recent[1].At) {
			t.Errorf("the newest two: %+v %v", recent, err)
		}
	})
}

func TestTwoSealersTakeTurns(t *testing.T) {
	db := eventstoretest.Postgres(t)
	l := newLog(t, db)
	l.append(100)
	var group sync.WaitGroup
	for range 4 {
		other := *l
		other.store = db.Open(t)
		other.restart()
		group.Go(func() {
			if err := other.sealer.Seal(other.ctx); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := len(l.stored()); n != 20 {
		t.Errorf("%d checkpoints for 20 batches", n)
	}
	l.mustBe(l.verify(), Intact)
}

// TestAnotherInstanceKeepsItsOwnCopy: it begins with that of the first, and is
// behind when the first has gone on meanwhile.
func TestAnotherInstanceKeepsItsOwnCopy(t *testing.T) {
	db := eventstoretest.Postgres(t)
	l := newLog(t, db)
	l.append(20)
	l.seal()
	other := *l
	other.files.Checkpoints = filepath.Join(t.TempDir(), "other")
	other.restart()
	if refused := other.sealer.Refused(); !strings.Contains(refused, "outside, "+other.files.Checkpoints+", is missing") {
		t.Errorf("not refused without a copy outside: %q", refused)
	}
	copyFile(t, l.files.Checkpoints, other.files.Checkpoints)
	for range 2 {
		l.append(20)
		l.seal()
		other.restart()
		if reason := other.sealer.Refused(); reason != "" {
			t.Error(reason)
		}
		other.mustBe(other.verify(), Intact)
		other.runs = l.runs
		other.append(1)
		l.runs = other.runs
		other.seal()
	}
	other.cutOutside(40)
	other.restart()
	if reason := other.sealer.Refused(); !strings.Contains(reason, "it was cut") {
		t.Errorf("a copy that was cut is not refused: %q", reason)
	}
	other.mustBe(other.verify(), Unproven, OutsideBehind)
	l.mustBe(l.verify(), Intact)
}

var refusals = map[string]struct {
	does func(*log)
	says string
}{
	"an older database":                       {owner(`DELETE FROM events WHERE position > 30`, rollBack[0], rollBack[1], rollBack[2]), "older database"},
	"an old checkpoint":                       {owner(rollBack...), "older database"},
	"a checkpoint taken away":                 {owner(`DELETE FROM log_checkpoints`), "older database"},
	"a cut tail":                              {owner(cut), "cut off"},
	"a cut tail, after which the log went on": {func(l *log) { l.own(cut); l.append(10) }, "position 44 is not the one that was signed there"},
	"a rewritten log":                         {func(l *log) { owner(edit)(l); l.rehash() }, "stored hashes"},
	"one signed with the stolen key":          {func(l *log) { owner(edit)(l); l.rehash(); l.resign(l.sealer.key.Signer) }, "rewritten"},
	"one signed with another key":             {func(l *log) { l.resign(l.stranger()) }, "not signed with this log's key"},
	"stored hashes taken away":                {owner(`DELETE FROM log_hashes`), "stored hashes"},
	"a forged copy outside":                   {func(l *log) { l.forgeOutside(l.stranger()) }, "was not signed with this log's key"},
	"a copy outside that is missing":          {func(l *log) { l.removeOutside() }, "is missing"},
	"a copy outside that is empty":            {func(l *log) { l.replaceOutside("") }, "is empty"},
	"a copy outside that was cut":             {func(l *log) { l.cutOutside(20) }, "it was cut"},
	"no checkpoint outside":                   {func(l *log) { l.replaceOutside("garbage\n\n") }, "holds no checkpoint"},
	"an old checkpoint, added again":          {func(l *log) { l.replaceOutside(l.outsideText() + l.noteOutside(20) + "\n") }, "added again"},
	"text between checkpoints":                {func(l *log) { l.replaceOutside("hello\n\n" + l.outsideText()) }, "no checkpoint"},
	"lines that end in CRLF":                  {func(l *log) { l.replaceOutside(strings.ReplaceAll(l.outsideText(), "\n", "\r\n")) }, "CRLF"},
	"a last line that ends in CRLF":           {func(l *log) { l.replaceOutside(strings.TrimSuffix(l.outsideText(), "\n\n") + "\r\n\r\n") }, "CRLF"},
	"no key":                                  {func(l *log) { l.remove(l.files.Key) }, "audit.key: no such file"},
	"nothing but the events":                  {func(l *log) { l.removeProof() }, "nothing that was signed of them is here"},
	"an old database and no copy outside": {func(l *log) {
		owner(`DELETE FROM events WHERE position > 30`, rollBack[0], rollBack[1], rollBack[2])(l)
		l.removeOutside()
	}, "is missing"},
	"an old database and 70 KB of an old checkpoint": {func(l *log) {
		owner(`DELETE FROM events WHERE position > 30`, rollBack[0], rollBack[1], rollBack[2])(l)
		l.replaceOutside(l.outsideText() + strings.Repeat(l.noteOutside(20)+"\n", 300))
	}, "added again"},
	"a key that others can read":     {func(l *log) { l.chmod(l.files.Key, 0o644) }, "chmod 600"},
	"a gap in the tail":              {owner(`DELETE FROM events WHERE position = 45`), "missing between 45 and 46"},
	"a hole in a stream of the tail": {owner(`UPDATE events SET version = 9 WHERE position = 46`), "versions are missing"},
	"a position far beyond the tail": {owner(`UPDATE events SET position = 99 WHERE position = 46`), "missing between 45 and 99"},
}

func TestSealerRefuses(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newSealedLog(t, db)
		l.keep()
		copyFile(t, l.files.Key, l.files.Key+".true")
		for name, test := range refusals {
			t.Run(name, func(t *testing.T) {
				l := *l
				l.T = t
				defer l.putBack()
				defer l.restoreKey()
				test.does(&l)
				before := l.outside()
				l.restart()
				if reason := l.sealer.Refused(); !strings.Contains(reason, test.says) {
					t.Errorf("refused because %q, want …%s…", reason, test.says)
				}
				var refused *Refusal
				if err := l.sealer.Seal(l.ctx); !errors.As(err, &refused) {
					t.Errorf("sealed: %v", err)
				}
				if !slices.Equal(before, l.outside()) {
					t.Errorf("the copy outside has changed from %v to %v", before, l.outside())
				}
			})
		}
	})
}

func TestRefusalEndsWhenTheLogIsPutBack(t *testing.T) {
	l := newSealedLog(t, eventstoretest.SQLite(t))
	l.keep()
	defer l.run(l.sealer)()
	l.own(cut)
	await(t, "refused", func() bool { return l.sealer.Refused() != "" })
	l.putBack()
	await(t, "no longer refused", func() bool { return l.sealer.Refused() == "" && l.sealer.State().Sealed == 46 })
}

func TestWithoutAKeyNothingIsSealed(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newLog(t, db)
		l.files = Files{Key: filepath.Join(l.files.Key, "no-folder"), Checkpoints: l.files.Checkpoints}
		l.restart() // is no error
		if s := l.sealer.State(); s.Idle == "" || s.Refused != "" {
			t.Errorf("%+v", s)
		}
		l.append(1)
		l.run(l.sealer)()
		l.mustBe(l.verify(), Unproven)
		if n := len(l.stored()); n != 0 {
			t.Errorf("%d checkpoints", n)
		}
	})
}

// serving registers live instances.
func (l *log) serving(ids ...string) {
	l.Helper()
	for _, id := range ids {
		instance, err := instances.New(l.store).Acquire(l.ctx, id)
		if err != nil {
			l.Fatal(err)
		}
		l.Cleanup(func() { _ = instance.Release(context.Background()) })
	}
}

// TestOnlyWhoHasTheKeySeals: an instance without the key goes on while another one
// seals what comes, and is refused when none does.
func TestOnlyWhoHasTheKeySeals(t *testing.T) {
	l := newSealedLog(t, eventstoretest.Postgres(t))
	l.seal()
	key := l.sealer.key.Fingerprint()
	other := *l
	other.files = Files{Key: filepath.Join(t.TempDir(), keyFile)}
	other.serving("other")
	other.restart()
	if s := other.sealer.State(); !strings.Contains(s.Refused, key) {
		t.Errorf("alone: %+v", s)
	}
	l.serving("l")
	other.restart()
	if s := other.sealer.State(); !strings.Contains(s.Idle, key) || s.Refused != "" || len(s.Warnings()) != 1 {
		t.Errorf("beside one that seals: %+v", s)
	}
	l.own(`UPDATE events SET recorded_at = recorded_at - 20000000`)
	l.append(1)
	l.own(`UPDATE events SET recorded_at = recorded_at - 20000000 WHERE position > 46`)
	if err := other.sealer.Check(l.ctx); err != nil {
		t.Fatal(err)
	}
	if s := other.sealer.State(); !strings.Contains(s.Refused, key) {
		t.Errorf("beside one that does not: %+v", s)
	}
	if _, err := os.Stat(other.files.Key); err == nil {
		t.Error("a second key was made")
	}
}

// TestTwoKeysAreMadeAtOnce: whoever seals first has the log; the other one stands
// by and refuses nothing, until it has the key of the first.
func TestTwoKeysAreMadeAtOnce(t *testing.T) {
	l := newLog(t, eventstoretest.Postgres(t))
	other := *l
	other.files = Files{Key: filepath.Join(t.TempDir(), keyFile)}
	other.restart()
	l.serving("l", "other")
	l.append(1)
	l.seal()
	for range 2 {
		if err := other.sealer.Seal(l.ctx); !errors.Is(err, errStandingBy) {
			t.Errorf("sealed: %v", err)
		}
		if s := other.sealer.State(); !strings.Contains(s.Idle, l.sealer.key.Fingerprint()) || s.Refused != "" {
			t.Errorf("%+v", s)
		}
		other.restart()
	}
	copyFile(t, l.files.Key, other.files.Key)
	copyFile(t, l.files.Checkpoints, other.sealer.Files().Checkpoints)
	other.seal() // without a restart
	if s := other.sealer.State(); s.Idle != "" || s.Refused != "" {
		t.Errorf("with the key: %+v", s)
	}
	other.files.Checkpoints = other.sealer.Files().Checkpoints
	other.mustBe(other.verify(), Intact)
}

func (l *log) chmod(path string, mode os.FileMode) {
	l.Helper()
	if err := os.Chmod(path, mode); err != nil {
		l.Fatal(err)
	}
}

func (l *log) restoreKey() {
	l.Helper()
	copyFile(l.T, l.files.Key+".true", l.files.Key)
	l.chmod(l.files.Key, 0o600)
}

func TestKeyAndCheckpointsAreForTheirOwner(t *testing.T) {
	l := newSealedLog(t, eventstoretest.SQLite(t))
	for path, mode := range map[string]os.FileMode{l.files.Key: 0o600, l.files.Checkpoints: 0o600, filepath.Dir(l.files.Key): 0o700 | os.ModeDir} {
		if info, err := os.Stat(path); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, mode)
		}
	}
}

func TestDefaults(t *testing.T) {
	s, err := Open(t.Context(), Config{Store: eventstoretest.SQLite(t).Open(t), Files: Files{Key: filepath.Join(t.TempDir(), keyFile)}})
	if err != nil {
		t.Fatal(err)
	}
	if s.interval != time.Second || s.batch != 1000 {
		t.Errorf("seals every %v or %d events", s.interval, s.batch)
	}
}

func TestAShortageIsNoRefusal(t *testing.T) {
	var refused *Refusal
	for errno, want := range map[syscall.Errno]bool{syscall.EMFILE: false, syscall.ENFILE: false, syscall.EACCES: true, syscall.EIO: true} {
		err := unread(&os.PathError{Op: "open", Path: "audit.checkpoints", Err: errno})
		if errors.As(err, &refused) != want || errors.Is(err, eventstore.ErrUnavailable) == want {
			t.Errorf("%v: %v", errno, err)
		}
	}
}
