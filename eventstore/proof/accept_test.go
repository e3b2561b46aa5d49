package proof

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"scrapelog/domain"
	"scrapelog/eventstore/eventstoretest"
)

// acceptances are logs that do not follow from what was signed, and what is
// declared when somebody goes on with them.
var acceptances = map[string]struct {
	does       func(*log)
	superseded int64
	proven     int64
}{
	"a restored backup":                {owner(`DELETE FROM events WHERE position > 30`, rollBack[0], rollBack[1], rollBack[2]), 44, 30},
	"a restored backup, with its tail": {owner(`DELETE FROM events WHERE position > 42`, rollBack[0], rollBack[1], rollBack[2]), 44, 40},
	"a restored backup that went on": {func(l *log) {
		owner(`DELETE FROM events WHERE position > 30`, rollBack[0], rollBack[1], rollBack[2])(l)
		l.append(9)
	}, 44, 30},
	"an empty database":                 {owner(`DELETE FROM events`, `DELETE FROM log_hashes`, `DELETE FROM log_checkpoints`), 44, 0},
	"a cut tail":                        {owner(cut), 44, 30},
	"an old checkpoint":                 {owner(rollBack...), 44, 44},
	"an edit, as there is no backup":    {owner(edit), 44, 10},
	"a rewrite, as there is no backup":  {func(l *log) { owner(edit)(l); l.rehash(); l.resign(l.sealer.key.Signer) }, 44, 10},
	"stored hashes taken away":          {owner(`DELETE FROM log_hashes`), 44, 44},
	"stored hashes edited":              {func(l *log) { l.spoil(31) }, 44, 44},
	"hashes stored far away":            {owner(`INSERT INTO log_hashes SELECT 1152921504606846976, hashes FROM log_hashes WHERE i = 0`), 44, 44},
	"a garbled checkpoint":              {owner(`UPDATE log_checkpoints SET note = 'x' WHERE number = 5`), 44, 44},
	"a checkpoint of another key":       {func(l *log) { l.resign(l.stranger()) }, 44, 44},
	"a missing copy outside":            {func(l *log) { l.removeOutside() }, 44, 44},
	"an empty copy outside":             {func(l *log) { l.replaceOutside("") }, 44, 44},
	"a copy outside that was cut":       {func(l *log) { l.cutOutside(20) }, 44, 44},
	"a tail cut, and no copy outside":   {func(l *log) { l.own(cut); l.removeOutside() }, 44, 30},
	"a checkpoint deleted":              {owner(`DELETE FROM log_checkpoints WHERE number = 3`), 44, 44},
	"everything but the events":         {func(l *log) { l.removeProof() }, 0, 0},
	"the key is lost":                   {func(l *log) { l.remove(l.files.Key) }, 44, 44},
	"the key and the copy outside":      {func(l *log) { l.remove(l.files.Key); l.removeOutside() }, 44, 44},
	"the key, and the tail was cut off": {func(l *log) { l.remove(l.files.Key); l.own(cut) }, 44, 30},
}

func (l *log) remove(path string) {
	l.Helper()
	if err := os.Remove(path); err != nil {
		l.Fatal(err)
	}
}

func TestAcceptRestored(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newSealedLog(t, db)
		l.keep()
		copyFile(t, l.files.Key, l.files.Key+".true")
		for name, test := range acceptances {
			t.Run(name, func(t *testing.T) {
				l := *l
				l.T = t
				defer copyFile(t, l.files.Key+".true", l.files.Key)
				defer l.putBack()
				test.does(&l)
				l.restart()
				accepted, err := l.sealer.AcceptRestored(l.ctx, " the disk\nbroke ")
				if err != nil {
					t.Fatal(err)
				}
				if accepted.Superseded != test.superseded || accepted.Proven != test.proven || accepted.Reason != "the disk broke" {
					t.Errorf("accepted %+v, want %d superseded, %d proven", accepted, test.superseded, test.proven)
				}
				l.goesOn(accepted)
			})
		}
	})
}

// goesOn: after an acceptance, and after what comes then, nothing is wrong, and
// every verification tells of it.
func (l *log) goesOn(accepted Restored) {
	l.Helper()
	for range 2 {
		r := l.verify()
		l.mustBe(r, Intact)
		if r.Sealed != r.Head || len(r.Restored) != 1 || r.Restored[0].Reason != accepted.Reason || !strings.Contains(r.Says, accepted.Reason) {
			l.Errorf("%s, %+v", r.Text(), r.Restored)
		}
		if reason := l.sealer.Refused(); reason != "" {
			l.Errorf("refused: %s", reason)
		}
		l.restart()
		l.append(3)
		l.seal()
	}
	l.Log(l.verify().Text())
	l.own(`UPDATE events SET recorded_at = 0 WHERE position = 3`)
	if r := l.verify(); r.Verdict != Damaged || r.Damage[0].Kind != Edited || r.Damage[0].Position != 3 {
		l.Errorf("an edit after it: %s", r.Text())
	}
}

func TestAcceptRestoredRefuses(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newSealedLog(t, db)
		l.keep()
		for name, test := range map[string]struct {
			does   func(*log)
			reason string
			want   error
			says   string
		}{
			"nothing to accept":           {func(*log) {}, "why", domain.ErrConflict, "nothing to accept"},
			"a garbled copy outside":      {func(l *log) { l.replaceOutside("word\n\n" + l.outsideText()) }, "why", domain.ErrConflict, "was forged or garbled"},
			"a forged copy outside":       {func(l *log) { l.forgeOutside(l.stranger()) }, "why", domain.ErrConflict, "was forged"},
			"a gap":                       {owner(`DELETE FROM events WHERE position = 17`), "why", domain.ErrConflict, "positions are missing"},
			"a gap in the tail":           {owner(`DELETE FROM events WHERE position = 45`, cutHash), "why", domain.ErrConflict, "positions are missing"},
			"no reason":                   {owner(cut), " \t", domain.ErrInvalid, "reason"},
			"a reason that no line holds": {owner(cut), "why\x1bnot", domain.ErrInvalid, "one line"},
			"a reason without an end":     {owner(cut), strings.Repeat("x", domain.MaxText+1), domain.ErrInvalid, "500"},
		} {
			t.Run(name, func(t *testing.T) {
				l := *l
				l.T = t
				defer l.putBack()
				test.does(&l)
				l.restart()
				_, err := l.sealer.AcceptRestored(l.ctx, test.reason)
				if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
					t.Errorf("%v, want …%s…", err, test.says)
				}
			})
		}
	})
}

// TestCrashWhileAccepting: what is inside and not yet outside changes nothing.
func TestCrashWhileAccepting(t *testing.T) {
	l := newSealedLog(t, eventstoretest.SQLite(t))
	l.own(cut)
	aside := l.sealer.outside
	l.sealer.outside = outsideReader{outsideFile: outsideFile{filepath.Join(l.files.Key, "no-folder")}}
	if _, err := l.sealer.AcceptRestored(l.ctx, "first"); err == nil {
		t.Fatal("accepted without a copy outside")
	}
	l.sealer.outside = aside
	l.restart()
	if l.sealer.Refused() == "" {
		t.Error("not refused any more")
	}
	if _, err := l.sealer.AcceptRestored(l.ctx, "second"); err != nil {
		t.Fatal(err)
	}
	l.mustBe(l.verify(), Intact)
}
