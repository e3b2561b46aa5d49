package proof

import (
	"os"
	"strings"
	"testing"

	"scrapelog/eventstore/eventstoretest"
)

// TestARedatedCheckpoint: its note agrees with the log, and not with the one that
// is kept outside.
func TestARedatedCheckpoint(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newSealedLog(t, db)
		l.redate(2)
		l.mustBe(l.verify(), Damaged, CheckpointForged)
	})
}

// laundering is what makes a restart or an acceptance believe a log that is not
// the one that was signed.
var laundering = map[string]struct {
	does  func(l *log)
	finds []Kind // empty: nothing, and it is not proven either
}{
	"cut back, and the copy outside deleted":     {func(l *log) { l.cutBack(); l.removeOutside() }, []Kind{OutsideMissing}},
	"cut back, and the copy outside emptied":     {func(l *log) { l.cutBack(); l.replaceOutside("") }, []Kind{OutsideMissing}},
	"cut back, and the copy outside blank":       {func(l *log) { l.cutBack(); l.replaceOutside("\n\n\n") }, []Kind{OutsideMissing}},
	"cut back, and the copy outside cut to less": {func(l *log) { l.cutBack(); l.cutOutside(10) }, []Kind{OutsideBehind}},
	"cut back, and 70 KB of an old checkpoint": {func(l *log) {
		l.cutBack()
		l.replaceOutside(l.outsideText() + strings.Repeat(l.noteOutside(30)+"\n", 300))
	}, []Kind{CutTail, OutsideForged}},
	"cut back, and 70 KB of blank lines": {func(l *log) {
		l.cutBack()
		l.replaceOutside(l.outsideText() + strings.Repeat("\n", 70<<10))
	}, []Kind{CutTail}},
	"cut back, and 70 KB of zeros": {func(l *log) {
		l.cutBack()
		l.replaceOutside(l.outsideText() + strings.Repeat("\x00", 70<<10) + "\n\n" + l.noteOutside(30) + "\n")
	}, []Kind{CutTail, OutsideForged}},
	"cut back, and an acceptance nobody signed, before an old checkpoint": {func(l *log) {
		l.cutBack()
		signed, err := Checkpoint{Origin: l.sealer.key.Verifier.Name(), Restored: &Restored{Superseded: 44, At: noon, Reason: "forged"}}.sign(l.stranger())
		if err != nil {
			l.Fatal(err)
		}
		l.replaceOutside(l.outsideText() + signed + "\n" + l.noteOutside(30) + "\n")
	}, []Kind{CutTail, OutsideForged}},
	"everything but the events taken away, and an edit": {func(l *log) { l.own(edit); l.removeProof() }, nil},
	"the key taken away, and the tail cut":              {func(l *log) { l.own(cut); l.remove(l.files.Key) }, []Kind{CutTail}},
}

func (l *log) cutBack() {
	owner(`DELETE FROM events WHERE position > 30`, rollBack[0], rollBack[1], rollBack[2])(l)
}

func TestNothingIsLaundered(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newSealedLog(t, db)
		l.keep()
		copyFile(t, l.files.Key, l.files.Key+".true")
		for name, test := range laundering {
			t.Run(name, func(t *testing.T) {
				l := *l
				l.T = t
				defer l.putBack()
				defer l.restoreKey()
				test.does(&l)
				verdict := Damaged
				if len(test.finds) == 0 || unproving(test.finds[0]) {
					verdict = Unproven
				}
				for range 3 { // a second start finds what the first one found
					l.mustBe(l.verify(), verdict, test.finds...)
					l.restart()
					if l.sealer.Refused() == "" {
						t.Fatal("not refused")
					}
					if err := l.sealer.Seal(l.ctx); err == nil {
						t.Fatal("sealed")
					}
				}
				if _, err := os.Stat(l.files.Key); err != nil && l.verify().Fingerprint != "" {
					t.Error("a key was made")
				}
			})
		}
	})
}

// TestAnAcceptanceCountsOnceAndWhereItStands replays a genuine one.
func TestAnAcceptanceCountsOnceAndWhereItStands(t *testing.T) {
	for name, place := range map[string]bool{"with its place": true, "of an older program": false} {
		t.Run(name, func(t *testing.T) {
			eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
				l := newSealedLog(t, db)
				l.cutBack()
				l.restart()
				if !place {
					l.acceptAsBefore(44, 30)
					l.restart()
				} else if _, err := l.sealer.AcceptRestored(l.ctx, "the disk broke"); err != nil {
					t.Fatal(err)
				}
				l.mustBe(l.verify(), Intact)
				accepted := l.acceptanceOutside()
				l.append(10)
				l.seal()
				l.mustBe(l.verify(), Intact)
				l.keep()
				truth := l.outsideText()
				for name, replay := range map[string]string{
					"at the end":                     truth + accepted + "\n",
					"in front":                       accepted + "\n" + truth,
					"as an old checkpoint before it": truth + l.noteOutside(30) + "\n" + accepted + "\n",
				} {
					l.cutBack()
					l.replaceOutside(replay)
					r := l.verify()
					if r.Verdict != Damaged || r.Outside != OutsideFalse {
						t.Errorf("%s: %s %s: %s", name, r.Verdict, r.Outside, r.Text())
					}
					l.restart()
					if l.sealer.Refused() == "" {
						t.Errorf("%s: not refused", name)
					}
					if _, err := l.sealer.AcceptRestored(l.ctx, "again"); err == nil {
						t.Errorf("%s: a forged copy was accepted", name)
					}
					l.putBack()
					l.replaceOutside(truth)
				}
				for _, table := range tables {
					l.own(`DROP TABLE true_` + table)
				}
				l.mustBe(l.verify(), Intact)
			})
		})
	}
}

// acceptAsBefore does what AcceptRestored did before acceptances named their place.
func (l *log) acceptAsBefore(superseded, proven int64) {
	l.Helper()
	last, err := lastStored(l.ctx, l.store.Reader())
	if err != nil {
		l.Fatal(err)
	}
	c := Checkpoint{Origin: last.Origin, Size: last.Size, Root: last.Root, Restored: &Restored{Superseded: superseded, Proven: proven, At: noon, Reason: "the disk broke"}}
	signed, err := c.sign(l.sealer.key.Signer)
	if err != nil {
		l.Fatal(err)
	}
	l.put(signed)
	if err := l.sealer.outside.append(signed); err != nil {
		l.Fatal(err)
	}
}

// acceptanceOutside is the last acceptance in the file.
func (l *log) acceptanceOutside() (signed string) {
	l.Helper()
	o := outsideReader{outsideFile: outsideFile{l.files.Checkpoints}}
	text := l.outsideText()
	if err := o.refresh(nil, func(m mark, _ bool) {
		if m.Restored != nil {
			signed = text[m.at : m.at+int64(m.length)]
		}
	}); err != nil || signed == "" {
		l.Fatal("no acceptance", err)
	}
	return signed
}

// TestAPersonMayBeginTheProof of a log that nothing was signed of, and of no other.
func TestAPersonMayBeginTheProof(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newSealedLog(t, db)
		begin := func() string {
			sealer, err := Open(l.ctx, Config{Store: l.store, Files: l.files, Begin: true})
			if err == nil {
				_ = sealer.Seal(l.ctx)
			}
			return sealer.Refused()
		}
		l.remove(l.files.Key)
		if begin() == "" {
			t.Error("a second key was made")
		}
		l.own(`DELETE FROM log_checkpoints`)
		if begin() == "" {
			t.Error("a second key was made, as the database has no checkpoints")
		}
		l.own(`DELETE FROM log_hashes`)
		l.removeOutside()
		if refused := begin(); refused != "" {
			t.Error(refused)
		}
		l.mustBe(l.verify(), Intact)
		l.removeOutside()
		l.own(`DELETE FROM log_checkpoints`)
		if begin() == "" {
			t.Error("begun again, as the key is there")
		}
	})
}
