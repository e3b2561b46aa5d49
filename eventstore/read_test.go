package eventstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

// TestFirstSince records two events in each of five seconds.
func TestFirstSince(t *testing.T) {
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		now := begin
		db.Open(t) // migrates
		s, err := eventstore.Open(t.Context(), eventstore.Config{URL: db.URL, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		if got, err := s.FirstSince(t.Context(), begin); got != 1 || err != nil {
			t.Errorf("an empty log: position %d, %v", got, err)
		}
		for range 5 {
			appendRuns(t, s, 2)
			now = now.Add(time.Second)
		}
		for name, c := range map[string]struct {
			since time.Time
			want  int64
		}{
			"the beginning of time is at the first event":                 {time.Time{}, 1},
			"a time before the log is at the first event":                 {begin.Add(-time.Hour), 1},
			"the time of two events is at the first of them":              {begin.Add(2 * time.Second), 5},
			"a time between events is at the later one":                   {begin.Add(2*time.Second + time.Microsecond), 7},
			"a nanosecond after an event is after it":                     {begin.Add(2*time.Second + time.Nanosecond), 7},
			"the same instant in another zone is at the same event":       {begin.Add(3 * time.Second).In(time.FixedZone("", 3600)), 7},
			"the time of the last events is at the first of them":         {begin.Add(4 * time.Second), 9},
			"a time after the log is one past its head":                   {begin.Add(5 * time.Second), 11},
			"a time that a database could not write is one past its head": {time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), 11},
		} {
			if got, err := s.FirstSince(t.Context(), c.since); got != c.want || err != nil {
				t.Errorf("%s: got position %d, want %d (%v)", name, got, c.want, err)
			}
		}
	})
}

func TestAnEventIsFoundByItsID(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		appendRuns(t, s, 3)
		want, err := s.ByPosition(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.ByID(t.Context(), want.ID); err != nil || got.Position != 2 || got.Stream != want.Stream {
			t.Errorf("found %d (%v)", got.Position, err)
		}
		if _, err := s.ByID(t.Context(), uuid.New()); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("an id that no event has: %v", err)
		}
	})
}

// TestScraperOfAnEvent: the name is found also for a type that this program does
// not know.
func TestScraperOfAnEvent(t *testing.T) {
	run := "run-" + uuid.NewString()
	for name, c := range map[string]struct {
		recorded eventstore.Recorded
		want     string
	}{
		"an event of a run names its scraper":          {eventstore.Recorded{Stream: run, Data: []byte(`{"scraper":"shop"}`)}, "shop"},
		"an event of a scraper is in its stream":       {eventstore.Recorded{Stream: "scraper-shop", Data: []byte(`{}`)}, "shop"},
		"an unknown shape is known by its stream":      {eventstore.Recorded{Stream: "scraper-shop", Data: []byte(`[1]`)}, "shop"},
		"an event of a run that names none is of none": {eventstore.Recorded{Stream: run, Data: []byte(`{}`)}, ""},
	} {
		if got := c.recorded.Scraper(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
