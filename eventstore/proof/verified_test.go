package proof

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"scrapelog/eventstore/eventstoretest"
)

// recent verifies what came after the last good verification, and at least one event:
// those after the checkpoint before it.
func (l *log) recent() Result {
	l.Helper()
	r, err := Verify(l.ctx, l.store, Options{Files: l.files, Recent: true, Least: 1}, nil)
	if err != nil {
		l.Fatal(err)
	}
	return r
}

// verified verifies the whole log and keeps that.
func (l *log) verified() {
	l.Helper()
	r, err := Verify(l.ctx, l.store, Options{Files: l.files, Keep: true}, nil)
	if err != nil || r.Verdict != Intact || r.WholeAt.IsZero() {
		l.Fatal(r.Text(), err)
	}
}

// onlyWhole are the kinds of tampering that leave the number of events, the stored
// hashes and the checkpoints as they were: a recent verification cannot see them in
// events that were verified before.
func onlyWhole(name string) bool {
	if tamperings[name].at > 40 {
		return false
	}
	return strings.HasPrefix(name, "edit") || strings.HasPrefix(name, "reorder") ||
		slices.Contains([]string{"renumbering of versions", "delete, another written there"}, name)
}

// TestTamperingBeforeTheLastVerification: every signed event was verified, and then
// changed. A recent verification finds all but what onlyWhole says, and calls it what
// a whole one does.
func TestTamperingBeforeTheLastVerification(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newSealedLog(t, db)
		l.verified()
		if r := l.recent(); r.Since != 40 || r.Verdict != Intact || r.WholeAt.IsZero() {
			t.Fatalf("began at %d: %s", r.Since, r.Text())
		}
		l.keep()
		for _, name := range slices.Sorted(maps.Keys(tamperings)) {
			t.Run(name, func(t *testing.T) {
				l := *l
				l.T = t
				defer l.putBack()
				tamperings[name].does(&l)
				if r := l.recent(); onlyWhole(name) {
					l.mustBe(r, Intact)
				} else {
					l.mustBe(r, Damaged, tamperings[name].finds...)
				}
				l.mustBe(l.verify(), Damaged, tamperings[name].finds...)
			})
		}
	})
}

// TestALogOfFewEventsIsVerifiedWhole: what a default run skips is more than
// LeastCompared events old.
func TestALogOfFewEventsIsVerifiedWhole(t *testing.T) {
	l := newSealedLog(t, eventstoretest.SQLite(t))
	l.verified()
	for least, since := range map[int64]int64{0: 0, 45: 0, 14: 30, 4: 40} {
		r, err := Verify(l.ctx, l.store, Options{Files: l.files, Recent: true, Least: least}, nil)
		if err != nil || r.Since != since {
			t.Errorf("least %d: began at %d, want %d, %v", least, r.Since, since, err)
		}
	}
}

// TestAVerificationThatDoesNotCount: the file beside the checkpoints cannot make a
// verification pass over anything when it was not written by the holder of the key,
// belongs to another log, or is older than an acceptance.
func TestAVerificationThatDoesNotCount(t *testing.T) {
	for name, spoil := range map[string]func(l *log){
		"deleted": func(l *log) { l.remove(l.files.verifiedFile()) },
		"garbage": func(l *log) { l.write(l.files.verifiedFile(), "garbage") },
		"edited": func(l *log) {
			l.write(l.files.verifiedFile(), strings.Replace(l.content(l.files.verifiedFile()), "\n44\n", "\n40\n", 1))
		},
		"a checkpoint": func(l *log) { l.write(l.files.verifiedFile(), l.sign(l.sealer.key.Signer, 44)) },
		"of another key": func(l *log) {
			l.write(l.files.verifiedFile(), strings.Split(l.content(l.files.verifiedFile()), "\n\n")[0]+"\n\n— x\n")
		},
		"the copy outside was cut": func(l *log) {
			l.write(l.files.Checkpoints, strings.SplitAfter(l.content(l.files.Checkpoints), "\n\n")[0])
		},
		"accepted since": func(l *log) {
			l.own(edit)
			l.restart()
			if _, err := l.sealer.AcceptRestored(l.ctx, "it was me"); err != nil {
				l.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newSealedLog(t, eventstoretest.SQLite(t))
			l.verified()
			spoil(l)
			if r := l.recent(); r.Since != 0 {
				t.Errorf("events up to %d were not compared: %s", r.Since, r.Text())
			}
		})
	}
}

// TestAnOlderVerificationPutBack only makes more to compare.
func TestAnOlderVerificationPutBack(t *testing.T) {
	l := newSealedLog(t, eventstoretest.SQLite(t))
	l.verified()
	old := l.content(l.files.verifiedFile())
	l.append(10)
	l.seal()
	l.verified()
	l.write(l.files.verifiedFile(), old)
	if r := l.recent(); r.Since != 44 || r.Verdict != Intact || r.Sealed <= 44 {
		t.Error(r.Since, r.Text())
	}
}

// TestBothRolledBack: a database and a copy outside that were put back together are
// found as long as the last good verification was not put back as well.
func TestBothRolledBack(t *testing.T) {
	l := newSealedLog(t, eventstoretest.SQLite(t))
	outside := l.content(l.files.Checkpoints)
	l.keep()
	l.append(10)
	l.seal()
	l.verified()
	l.putBack()
	l.write(l.files.Checkpoints, outside)
	if r := l.recent(); r.Since != 0 || r.Verdict != Intact {
		t.Errorf("%d %s", r.Since, r.Text()) // the documents say that it is not found
	}
}

// TestABadVerificationIsNotKept, nor one without the private key.
func TestABadVerificationIsNotKept(t *testing.T) {
	l := newSealedLog(t, eventstoretest.SQLite(t))
	l.own(edit)
	for name, options := range map[string]Options{"damaged": {}, "a copy": {Copy: true}} {
		options.Files, options.Keep = l.files, true
		if _, err := Verify(l.ctx, l.store, options, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(l.files.verifiedFile()); !absent(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func (l *log) content(path string) string {
	l.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		l.Fatal(err)
	}
	return string(content)
}

func (l *log) write(path, content string) {
	l.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		l.Fatal(err)
	}
}
