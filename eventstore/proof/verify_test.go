package proof

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

func TestVerifySince(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newSealedLog(t, db)
		for since, begins := range map[int64]int64{-1: 0, 0: 0, 9: 0, 10: 10, 29: 20, 43: 40, 44: 44, 46: 44, 1000: 44} {
			if r := l.verifySince(since); r.Since != begins || r.Verdict != Intact || r.Sealed != 44 {
				t.Errorf("since %d began at %d, want %d: %s", since, r.Since, begins, r.Text())
			}
		}
		l.keep()
		for name, test := range map[string]struct {
			does    func(*log)
			since   int64
			verdict Verdict
			kinds   []Kind
		}{
			"an edit before":         {owner(edit), 20, Intact, nil},
			"an edit after":          {owner(edit), 16, Damaged, []Kind{Edited}},
			"a cut after":            {owner(cut), 20, Damaged, []Kind{CutTail}},
			"a cut before":           {owner(`DELETE FROM events WHERE position > 12`), 30, Damaged, []Kind{CutTail}},
			"a cut of all after":     {owner(`DELETE FROM events WHERE position > 30`), 44, Damaged, []Kind{CutTail}},
			"hashes rewritten there": {func(l *log) { owner(edit)(l); l.rehash() }, 30, Damaged, []Kind{Rewritten}},
		} {
			t.Run(name, func(t *testing.T) {
				l := *l
				l.T = t
				defer l.putBack()
				test.does(&l)
				l.mustBe(l.verifySince(test.since), test.verdict, test.kinds...)
			})
		}
	})
}

// TestAnyChangeIsFound changes one thing at random, many times.
func TestAnyChangeIsFound(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	columns := []string{"stream", "type", "data", "metadata", "version", "recorded_at"}
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newSealedLog(t, db)
		l.keep()
		for range 40 {
			at, column := 1+random.Int64N(44), columns[random.IntN(len(columns))]
			value := map[string]string{"stream": `stream || 'x'`, "type": `upper(type)`, "data": `'{"x":1}'`, "metadata": `'{"x":"1"}'`}[column]
			if value == "" {
				value = fmt.Sprintf("%s + %d", column, 100+random.Int64N(100))
			}
			statement := fmt.Sprintf(`UPDATE events SET %s = %s WHERE position = %d`, column, value, at)
			l.own(statement)
			if r := l.verify(); r.Verdict != Damaged || r.Damage[0].Kind != Edited || r.Damage[0].Position != at {
				t.Errorf("%s: %s", statement, r.Text())
			}
			l.putBack()
		}
	})
}

func TestVerifyAnUnsealedLog(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newLog(t, db)
		l.mustBe(l.verify(), Intact) // nothing to prove
		l.append(2)
		r := l.verify()
		l.mustBe(r, Unproven)
		if !strings.Contains(r.Says, "not sealed yet") || !strings.Contains(r.Says, "audit checkpoint") {
			t.Error(r.Says)
		}
		l.own(`DELETE FROM events WHERE position = 2`)
		r = l.verify()
		l.mustBe(r, Damaged, Missing)
		if r.Damage[0].Position != 2 {
			t.Errorf("%+v", r.Damage)
		}
	})
}

// TestVerifyWithoutTheKey: the copy outside suffices to compare, and the result says
// what could not be.
func TestVerifyWithoutTheKey(t *testing.T) {
	l := newSealedLog(t, eventstoretest.SQLite(t))
	l.remove(l.files.Key)
	r := l.verify()
	l.mustBe(r, Unproven)
	if !strings.Contains(r.Says, "signatures could not be looked at") {
		t.Error(r.Says)
	}
	l.own(edit)
	l.mustBe(l.verify(), Damaged, Edited)
}

// TestThePublicLineVerifies: elsewhere the private key is not needed.
func TestThePublicLineVerifies(t *testing.T) {
	l := newSealedLog(t, eventstoretest.SQLite(t))
	if err := os.WriteFile(l.files.Key, []byte(l.sealer.key.Public+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l.mustBe(l.verify(), Intact)
	l.restart()
	if refused := l.sealer.Refused(); !strings.Contains(refused, "private key") {
		t.Errorf("not refused without a private key: %q", refused)
	}
}

func TestAFileOfGarbageOutside(t *testing.T) {
	l := newSealedLog(t, eventstoretest.SQLite(t))
	for name, content := range map[string]string{"garbage": "garbage", "lines": strings.Repeat("x\n", 100), "long": strings.Repeat("x", 1<<20)} {
		if err := os.WriteFile(l.files.Checkpoints, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { l.mustBe(l.verify(), Damaged, OutsideForged) })
	}
	if err := os.WriteFile(l.files.Checkpoints, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l.mustBe(l.verify(), Unproven, OutsideMissing)
}

// TestOneNoteForgedOutside: the true ones beside it still prove the log.
func TestOneNoteForgedOutside(t *testing.T) {
	l := newSealedLog(t, eventstoretest.SQLite(t))
	truth, err := os.ReadFile(l.files.Checkpoints)
	if err != nil {
		t.Fatal(err)
	}
	for name, forge := range map[string]func(){
		"changed":  func() { l.replaceOutside(strings.Replace(string(truth), "\n30\n", "\n31\n", 1)) },
		"appended": func() { l.replaceOutside(string(truth) + l.sign(l.stranger(), 44) + "\n") },
		"larger": func() {
			c, _ := Checkpoint{Origin: l.sealer.key.Verifier.Name(), Size: 99}.sign(l.stranger())
			l.replaceOutside(string(truth) + c + "\n")
		},
		"accepting": func() {
			c, _ := Checkpoint{Origin: l.sealer.key.Verifier.Name(), Restored: &Restored{Superseded: 44, At: noon, Reason: "forged"}}.sign(l.stranger())
			l.replaceOutside(string(truth) + c + "\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			forge()
			r := l.verify()
			l.mustBe(r, Damaged, OutsideForged)
			if r.Sealed != 44 || len(r.Restored) != 0 {
				t.Errorf("proven up to %d of 44, %v", r.Sealed, r.Restored)
			}
		})
	}
}

func (l *log) replaceOutside(content string) {
	l.Helper()
	if err := os.WriteFile(l.files.Checkpoints, []byte(content), 0o600); err != nil {
		l.Fatal(err)
	}
}

// TestNotFound holds what the documentation says nobody can find: a rewrite with
// the stolen key when the copy outside was replaced as well.
func TestNotFound(t *testing.T) {
	l := newSealedLog(t, eventstoretest.SQLite(t))
	l.own(edit)
	l.rehash()
	l.resign(l.sealer.key.Signer)
	l.forgeOutside(l.sealer.key.Signer)
	l.mustBe(l.verify(), Intact)
}

func TestVerifyReadsOnly(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newSealedLog(t, db)
		var err error
		if l.store, err = eventstore.Open(l.ctx, eventstore.Config{URL: db.URL, ReadOnly: true}); err != nil {
			t.Fatal(err)
		}
		defer l.store.Close()
		l.mustBe(l.verify(), Intact)
		if _, err := Prove(l.ctx, l.store, l.files, 1); err != nil {
			t.Error(err)
		}
	})
}

func TestVerifyTellsHowFarItIs(t *testing.T) {
	l := newSealedLog(t, eventstoretest.SQLite(t))
	var last, of int64
	if _, err := Verify(l.ctx, l.store, Options{Files: l.files}, func(done, total int64) { last, of = done, total }); err != nil {
		t.Fatal(err)
	}
	if last != 46 || of != 46 {
		t.Errorf("%d of %d", last, of)
	}
}

func TestVerifyEndsWithItsContext(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newSealedLog(t, db)
		ctx, cancel := context.WithCancel(l.ctx)
		cancel()
		if _, err := Verify(ctx, l.store, Options{Files: l.files}, nil); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestResultAsJSON(t *testing.T) {
	l := newSealedLog(t, eventstoretest.SQLite(t))
	l.own(edit)
	doc, err := json.Marshal(l.verify())
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"verdict":"damaged"`, `"kind":"edited"`, `"position":17`, `"head":46`, `"sealed":10`, `"outside":"present"`, `"says":"The log is damaged`} {
		if !strings.Contains(string(doc), part) {
			t.Errorf("%s is not in %s", part, doc)
		}
	}
}

func TestFilesOf(t *testing.T) {
	state := t.TempDir()
	t.Setenv("XDG_STATE_HOME", state)
	db := eventstoretest.SQLite(t)
	path := strings.TrimPrefix(db.URL, "sqlite:")
	store := db.Open(t)
	files := filesOf(t, store, Files{})
	if filepath.Dir(filepath.Dir(files.Key)) != filepath.Join(state, "scrapelog") || !strings.HasPrefix(filepath.Base(filepath.Dir(files.Key)), "test.db-") ||
		files.Checkpoints != filepath.Join(filepath.Dir(files.Key), "audit.checkpoints") || filepath.Base(files.Key) != "audit.key" {
		t.Errorf("%+v", files)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	linked := eventstoretest.Database{Dialect: eventstore.SQLite, URL: "sqlite:" + link}
	if got := filesOf(t, linked.Open(t), Files{}); got != files {
		t.Errorf("by a link %+v, else %+v", got, files)
	}
	if got := filesOf(t, eventstoretest.SQLite(t).Open(t), Files{}); got == files {
		t.Error("two databases share a folder")
	}
	if got, want := filesOf(t, store, Files{Key: "/keys/a"}), (Files{"/keys/a", "/keys/audit.checkpoints"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := filesOf(t, store, Files{Checkpoints: "/c"}); got != (Files{files.Key, "/c"}) {
		t.Errorf("%+v", got)
	}
	t.Setenv("XDG_STATE_HOME", "relative")
	t.Setenv("HOME", "/home/ann")
	if got := filesOf(t, store, Files{}); !strings.HasPrefix(got.Key, "/home/ann/.local/state/scrapelog/test.db-") {
		t.Errorf("%+v", got)
	}
}

func TestFilesOfPostgres(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", "/state")
	db := eventstoretest.Postgres(t)
	files := filesOf(t, db.Open(t), Files{})
	elsewise := eventstoretest.Database{Dialect: db.Dialect, URL: strings.Replace(db.URL, "127.0.0.1", "localhost", 1)}
	if got := filesOf(t, elsewise.Open(t), Files{}); got != files {
		t.Errorf("by another host name %+v, else %+v", got, files)
	}
	if got := filesOf(t, eventstoretest.Postgres(t).Open(t), Files{}); got == files {
		t.Error("two databases share a folder")
	}
}

func filesOf(t *testing.T, store *eventstore.Store, configured Files) Files {
	t.Helper()
	files, err := FilesOf(t.Context(), store, configured)
	if err != nil {
		t.Fatal(err)
	}
	return files
}
