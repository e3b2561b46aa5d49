package proof

import (
	"errors"
	"strings"
	"testing"

	"scrapelog/eventstore/eventstoretest"
)

// TestTheKeyIsReplaced: what the old key has signed stays good, what it signs later does
// not, and who knows one of the keys can follow to the other.
func TestTheKeyIsReplaced(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newSealedLog(t, db)
		first := l.sealer.key
		for range 2 {
			before := l.sealer.key
			key, err := l.sealer.RotateKey(l.ctx)
			if err != nil || key.Public == before.Public || !key.Is(first.Public) {
				t.Fatal(key, err)
			}
			l.mustBe(l.verify(), Intact)
			l.restart()
			if refused := l.sealer.Refused(); refused != "" {
				t.Fatal(refused)
			}
			p, err := Prove(l.ctx, l.store, l.files, 3) // from a checkpoint of the old key
			if err != nil || p.Key != before.Public {
				t.Errorf("proven with %s, %v", p.Key, err)
			}
			l.append(3)
			l.seal()
			l.mustBe(l.verify(), Intact)
			if p, err = Prove(l.ctx, l.store, l.files, 3); err != nil || p.Key != key.Public {
				t.Errorf("proven with %s, %v", p.Key, err)
			}
		}
		pinned, err := KeyOf(first.Public)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Verify(l.ctx, l.store, Options{Files: l.files, Key: pinned}, nil)
		if err != nil || r.Verdict != Intact || r.Key != l.sealer.key.Public {
			t.Errorf("the first key does not lead to the last: %s %v", r.Text(), err)
		}
		l.own(`DELETE FROM log_checkpoints WHERE number = (SELECT max(number) FROM log_checkpoints)`)
		l.put(l.sign(first.Signer, l.sealer.State().Sealed))
		if r := l.verify(); r.Verdict != Damaged || r.Damage[0].Kind != CheckpointForged {
			t.Errorf("the old key still signs: %s", r.Text())
		}
	})
}

// TestAReplacementMustHold: a predecessor that was put into the file is found.
func TestAReplacementMustHold(t *testing.T) {
	l := newSealedLog(t, eventstoretest.SQLite(t))
	other := newSealedLog(t, eventstoretest.SQLite(t))
	for _, one := range []*log{l, other} {
		if _, err := one.sealer.RotateKey(one.ctx); err != nil {
			t.Fatal(err)
		}
	}
	mine, theirs := strings.Fields(l.content(l.files.Key)), strings.Fields(other.content(other.files.Key))
	for name, lines := range map[string][]string{
		"of another key": {mine[0], mine[1], theirs[2]}, "twice": {mine[0], mine[1], mine[2], mine[2]}, "cut": {mine[0], mine[1], mine[2][:40]},
	} {
		if _, err := parseKey(strings.Join(lines, "\n")); !errors.Is(err, errRotation) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
