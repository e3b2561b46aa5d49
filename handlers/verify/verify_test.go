package verify

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/proof"
)

func TestMain(m *testing.M) { os.Exit(eventstoretest.Main(m)) }

// sealed is a log of one event that is signed, and its verifier.
func sealed(t *testing.T, db eventstoretest.Database) (*Verifier, *proof.Sealer) {
	t.Helper()
	store := db.Open(t)
	sealer, err := proof.Open(t.Context(), proof.Config{Store: store, Files: proof.Files{Key: filepath.Join(t.TempDir(), "state", "audit.key")}})
	if err != nil {
		t.Fatal(err)
	}
	e := domain.ScraperPaused{AboutScraper: domain.AboutScraper{Scraper: "shop", At: time.Now().UTC()}, By: "ann"}
	_, err = store.Append(t.Context(), eventstore.Append{Stream: e.Stream(), Events: []eventstore.NewEvent{{Event: e}}})
	if err == nil {
		err = sealer.Seal(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return &Verifier{
		Log: store, Files: sealer.Files, Every: time.Hour, Mine: func(context.Context) (bool, error) { return true, nil }, Logger: slog.New(slog.DiscardHandler),
	}, sealer
}

func TestAVerificationIsRecorded(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		v, sealer := sealed(t, db)
		result, err := v.Verify(t.Context(), false, nil)
		if err != nil || result.Verdict != proof.Intact {
			t.Fatal(result.Text(), err)
		}
		again := &Verifier{Log: v.Log, Files: v.Files, Every: v.Every}
		due, err := again.due(t.Context(), time.Now())
		last := again.Last()
		if err != nil || last.UpTo != 1 || last.Result != "intact" || !last.Whole || last.Root != result.Root || time.Until(due) < 59*time.Minute {
			t.Errorf("%+v, due in %s, %v", last, time.Until(due), err)
		}
		f, found, err := v.Log.LastFinding(t.Context(), Finding)
		var kept proof.Result
		if err != nil || !found || json.Unmarshal(f.Result, &kept) != nil || kept.Verdict != proof.Intact {
			t.Errorf("kept %s, %v", f.Result, err)
		}
		if proof.WholeAt(sealer.Files()).IsZero() {
			t.Error("the verification of the whole log is not kept beside the checkpoints")
		}
	})
}

// TestDamageLastsUntilTheLogIsFoundWell: what reads Damage tells people.
func TestDamageLastsUntilTheLogIsFoundWell(t *testing.T) {
	v, _ := sealed(t, eventstoretest.SQLite(t))
	outside := v.Files().Checkpoints
	truth, err := os.ReadFile(outside)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), true, nil); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		content string
		damaged bool
	}{{"garbage", true}, {string(truth), false}} {
		if err := os.WriteFile(outside, []byte(test.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(t.Context(), true, nil); err != nil {
			t.Fatal(err)
		}
		good := v.Good()
		again := &Verifier{Log: v.Log} // of the next process
		if err := again.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, v := range []*Verifier{v, again} {
			if got := v.Damage(); (got != "") != test.damaged {
				t.Errorf("damage %q", got)
			}
			if got := v.Good(); got.UpTo == 0 || !got.At.Equal(good.At) || got.At.Before(v.Last().At) != test.damaged {
				t.Errorf("the last good one %+v, and the last one %+v", got, v.Last())
			}
		}
	}
}

// TestWhenAVerificationIsDue: an interval after the last one or the first event, and never
// in the first minutes of a process.
func TestWhenAVerificationIsDue(t *testing.T) {
	v, _ := sealed(t, eventstoretest.SQLite(t))
	now := time.Now()
	for every, want := range map[time.Duration]time.Duration{24 * time.Hour: 24 * time.Hour, time.Minute: time.Minute} {
		v.Every = every
		due, err := v.due(t.Context(), now)
		if err != nil || due.Sub(now).Round(10*time.Second) != want {
			t.Errorf("every %s: due in %s, %v", every, due.Sub(now), err)
		}
	}
	v.Every = 24 * time.Hour
	late := now.Add(48 * time.Hour) // this process began two days later
	if due, err := v.due(t.Context(), late); err != nil || due.Sub(late) != calm {
		t.Errorf("an overdue verification begins %s after the process, %v", due.Sub(late), err)
	}
}
