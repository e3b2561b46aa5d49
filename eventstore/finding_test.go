package eventstore_test

import (
	"testing"
	"time"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

func TestTheLastFindingOfEachKindIsKept(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		store := db.Open(t)
		if _, found, err := store.LastFinding(t.Context(), "replay"); found || err != nil {
			t.Errorf("before the first: %v, %v", found, err)
		}
		at := time.Date(2026, 11, 28, 4, 0, 0, 123456000, time.UTC)
		for i, result := range []string{`{"n":1}`, `{"n":2}`} {
			for _, kind := range []string{"verify", "replay"} {
				f := eventstore.Finding{Kind: kind, At: at.Add(time.Duration(i) * time.Hour), Result: []byte(result)}
				if err := store.KeepFinding(t.Context(), f); err != nil {
					t.Fatal(err)
				}
			}
		}
		again := db.Open(t) // as another instance, or after a restart
		f, found, err := again.LastFinding(t.Context(), "verify")
		if err != nil || !found || f.Kind != "verify" || !f.At.Equal(at.Add(time.Hour)) || string(f.Result) != `{"n":2}` {
			t.Errorf("%+v, %v, %v", f, found, err)
		}
	})
}
