package proof

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"

	"scrapelog/eventstore/eventstoretest"
)

// stamp is when the witnesses of tests sign.
const stamp = 1_700_000_000

// cosign returns a witness with a key made of its name, and a function that answers for it.
func cosign(name string) (w Witness, answer func(signed string, at uint64) string) {
	seed := sha256.Sum256([]byte(name))
	key := ed25519.NewKeyFromSeed(seed[:])
	public := append([]byte{cosignatureAlgorithm}, key.Public().(ed25519.PublicKey)...)
	sum := sha256.Sum256(append([]byte(name+"\n"), public...))
	hash := sum[:4]
	w = Witness{Name: "of " + name, Key: fmt.Sprintf("%s+%x+%s", name, hash, base64.StdEncoding.EncodeToString(public)), URL: "http://127.0.0.1:1/"}
	return w, func(signed string, at uint64) string {
		text, _, _ := strings.Cut(signed, "\n\n")
		sig := binary.BigEndian.AppendUint64(append([]byte(nil), hash...), at)
		sig = append(sig, ed25519.Sign(key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s\n", at, text))...)
		return fmt.Sprintf("— %s %s\n", name, base64.StdEncoding.EncodeToString(sig))
	}
}

// witnessed is a log of 40 events of which a witness has signed each ten.
func witnessed(t *testing.T, db eventstoretest.Database) (*log, Witness) {
	l := newLog(t, db)
	w, answer := cosign("witness.example")
	for i := range uint64(4) {
		l.append(5)
		l.seal()
		_, signed, err := Newest(l.ctx, l.store)
		if err != nil {
			t.Fatal(err)
		}
		cosigned, _, err := w.Cosigned(signed, answer(signed, stamp+i))
		if err == nil {
			err = KeepCosigned(l.ctx, l.store, l.files, cosigned)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return l, w
}

func (l *log) verifyWith(w ...Witness) Result {
	l.Helper()
	r, err := Verify(l.ctx, l.store, Options{Files: l.files, Witnesses: w}, nil)
	if err != nil {
		l.Fatal(err)
	}
	return r
}

// TestTamperingWithCosignatures: each change to one of the two copies of what witnesses
// have signed is found, with the key of the witness and, as far as possible, without.
func TestTamperingWithCosignatures(t *testing.T) {
	const set = `UPDATE log_cosignatures SET note = `
	changes := map[string]struct {
		does    func(l *log, file string)
		verdict Verdict
		finds   []Kind // with the key of the witness
		blind   []Kind // without it; nil: the same
	}{
		"one deleted in the database":        {func(l *log, _ string) { l.own(`DELETE FROM log_cosignatures WHERE number = 2`) }, Damaged, []Kind{CosignatureMissing}, nil},
		"the newest deleted in the database": {func(l *log, _ string) { l.own(`DELETE FROM log_cosignatures WHERE number = 4`) }, Damaged, []Kind{CosignatureMissing}, nil},
		"all deleted in the database":        {func(l *log, _ string) { l.own(`DELETE FROM log_cosignatures`) }, Damaged, []Kind{CosignatureMissing}, nil},
		"one edited in the database": {func(l *log, _ string) {
			l.own(set + `replace(note, 'witness.example', 'witness.elsewhere') WHERE number = 2`)
		},
			Damaged, []Kind{CosignatureForged}, nil},
		"the newest edited in the database": {func(l *log, _ string) { l.own(set + `replace(note, 'sealed 20', 'sealed 30') WHERE number = 4`) },
			Damaged, []Kind{CosignatureForged, CosignatureMissing}, []Kind{CosignatureMissing}},
		"an older one over the newest": {func(l *log, _ string) {
			l.own(set + `(SELECT note FROM log_cosignatures WHERE number = 1) WHERE number = 4`)
		}, Damaged, []Kind{CosignatureMissing}, nil},
		"the copy outside deleted": {func(l *log, file string) { l.must(os.Remove(file)) }, Unproven, []Kind{CosignedMissing}, nil},
		"the copy outside emptied": {func(l *log, file string) { l.must(os.Truncate(file, 0)) }, Unproven, []Kind{CosignedMissing}, nil},
		"the copy outside cut": {func(l *log, file string) {
			content := l.content(file)
			l.must(os.WriteFile(file, []byte(content[:len(content)/2]), 0o600))
		}, Unproven, []Kind{CosignedMissing}, nil},
		"one edited in the copy outside": {func(l *log, file string) {
			l.must(os.WriteFile(file, []byte(strings.Replace(l.content(file), "\n10\n", "\n11\n", 1)), 0o600))
		}, Damaged, []Kind{CosignatureForged}, nil},
		"the newest forged in the copy outside": {func(l *log, file string) {
			l.must(os.WriteFile(file, []byte(strings.Replace(l.content(file), "\n40\n", "\n41\n", 1)), 0o600))
		}, Damaged, []Kind{CosignatureForged, CosignatureMissing}, []Kind{CosignatureMissing}},
		"the log cut, and every other trace": {func(l *log, _ string) {
			l.own(`DELETE FROM events WHERE position > 30`, `DELETE FROM log_checkpoints WHERE number > 3`, `DELETE FROM log_hashes WHERE i > 32`,
				`UPDATE log_hashes SET hashes = substr(hashes, 1, 768) WHERE i = 32`, `DELETE FROM log_cosignatures WHERE number > 3`)
			l.cutOutside(30)
		}, Damaged, []Kind{CutTail, CosignatureMissing}, []Kind{CosignatureMissing}},
	}
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l, w := witnessed(t, db)
		r := l.verifyWith(w)
		l.mustBe(r, Intact)
		if len(r.Witnessed) != 1 || r.Witnessed[0].Size != 40 || r.Witnessed[0].At.Unix() != stamp+3 {
			t.Errorf("%+v", r.Witnessed)
		}
		file := l.files.cosignedFile()
		l.keep()
		copyFile(t, file, file+".true")
		for name, test := range changes {
			t.Run(name, func(t *testing.T) {
				l := *l
				l.T = t
				defer l.putBack()
				copyFile(t, file+".true", file)
				l.mustBe(l.verify(), Intact)
				test.does(&l, file)
				r := l.verifyWith(w)
				l.mustBe(r, test.verdict, test.finds...)
				t.Log(r.Text())
				blind := test.blind
				if blind == nil {
					blind = test.finds
				}
				l.mustBe(l.verify(), test.verdict, blind...)

				// An owner who says why goes on from there.
				l.restart()
				if _, err := l.sealer.AcceptRestored(l.ctx, "the cosignatures were lost"); err != nil {
					t.Fatal(err)
				}
				l.mustBe(l.verifyWith(w), Intact)
			})
		}
	})
}

func (l *log) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// TestACrashBetweenTheCopiesOfACosignature: the file is behind by one, which is no damage
// and is made good.
func TestACrashBetweenTheCopiesOfACosignature(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l, w := witnessed(t, db)
		_, answer := cosign("witness.example")
		l.append(5)
		l.seal()
		file := l.files.cosignedFile()
		keep := func(at uint64) error {
			_, signed, err := Newest(l.ctx, l.store)
			l.must(err)
			cosigned, _, err := w.Cosigned(signed, answer(signed, at))
			l.must(err)
			return KeepCosigned(l.ctx, l.store, l.files, cosigned)
		}
		l.must(os.Rename(file, file+".away"))
		l.must(os.Mkdir(file, 0o700)) // nothing can be written there
		if err := keep(stamp + 10); err == nil {
			t.Fatal("a cosignature that is not kept outside is no error")
		}
		l.must(os.Remove(file))
		l.must(os.Rename(file+".away", file))
		r := l.verifyWith(w)
		l.mustBe(r, Intact)
		if len(r.Witnessed) != 1 || r.Witnessed[0].Size != 50 {
			t.Errorf("%+v", r.Witnessed)
		}
		l.must(keep(stamp + 11))
		l.mustBe(l.verifyWith(w), Intact)
		if n := strings.Count(l.content(file), "\n50\n"); n != 2 {
			t.Errorf("the file has %d of the two last cosignatures", n)
		}
		if seen, err := LastWitnessed(l.ctx, l.store, w); err != nil || seen.Size != 50 || seen.At.Unix() != stamp+11 {
			t.Errorf("%+v %v", seen, err)
		}
	})
}

// TestHostileAnswers: only a signature of the witness is taken from its answer.
func TestHostileAnswers(t *testing.T) {
	w, answer := cosign("witness.example")
	_, stranger := cosign("stranger.example")
	l := newLog(t, eventstoretest.SQLite(t))
	l.append(1)
	l.seal()
	_, signed, err := Newest(l.ctx, l.store)
	l.must(err)
	good := answer(signed, stamp)
	for name, hostile := range map[string]string{
		"nothing": "", "no signature": "hello\n", "a page": "<html>" + strings.Repeat("x", 1<<14), "cut": good[:len(good)-9] + "\n",
		"no line end": strings.TrimSuffix(good, "\n"), "of another": stranger(signed, stamp), "of another text": answer("x\n1\n"+signed, stamp),
		"after the year 9999": answer(signed, latestTime+1), "of no time that is": answer(signed, 1<<63), "text behind": good + "\nmore\n",
	} {
		if cosigned, _, err := w.Cosigned(signed, hostile); err == nil || cosigned != "" {
			t.Errorf("%s: taken: %q", name, cosigned)
		} else if len(err.Error()) > 500 {
			t.Errorf("%s: the error has %d bytes", name, len(err.Error()))
		}
	}
	cosigned, at, err := w.Cosigned(signed, stranger(signed, 7)+good)
	if err != nil || cosigned != signed+good || at.Unix() != stamp {
		t.Errorf("%q at %s, %v", cosigned, at, err)
	}
}
