package eventstore_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

// What is read of several scrapers and streams at once is what is read of each.
func TestSeveralAreReadAsEachIs(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		run := uuid.New()
		mustAppend(t, s, appendOf(0, started(run))) // of a scraper without a configuration
		mustAppend(t, s, appendOf(1, completed(run)))
		about := domain.AboutScraper{Scraper: "other", At: at}
		for version, source := range []domain.Source{domain.SourceFile, domain.SourceAPI} {
			mustAppend(t, s, appendOf(int64(version), domain.ScraperConfigured{AboutScraper: about, Source: source}))
		}
		mustAppend(t, s, appendOf(2, domain.ScraperPaused{AboutScraper: about}))
		names := []string{"shop", "other", `no"body`, "other"}
		several, err := s.Scrapers(t.Context(), names)
		if err != nil || len(several) != 3 {
			t.Fatal(len(several), err)
		}
		for _, name := range names {
			scraper, version, err := s.Scraper(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(eventstore.ScraperState{Scraper: scraper, Version: version}, several[name]); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		streams := []string{domain.RunStream(run), domain.ScraperStream("other"), "run-nowhere"}
		read, err := s.ReadStreams(t.Context(), streams)
		if err != nil {
			t.Fatal(err)
		}
		for _, stream := range streams {
			one, err := s.ReadStream(t.Context(), stream, 0)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(one, read[stream]); diff != "" {
				t.Errorf("%s: %s", stream, diff)
			}
		}
	})
}

// TestEachKeyIsLookedUp checks that PostgreSQL does not read a whole table for a few of
// its rows, which it does for a table that has grown since it last counted the rows.
func TestEachKeyIsLookedUp(t *testing.T) {
	db := eventstoretest.Postgres(t)
	s := db.Open(t)
	appends, streams := make([]eventstore.Append, 1000), map[string]int{}
	for i := range appends {
		appends[i] = appendOf(0, started(uuid.New()))
		if i < 100 {
			streams[appends[i].Stream] = i
		}
	}
	for _, appended := range s.AppendAll(t.Context(), appends) {
		if appended.Err != nil {
			t.Fatal(appended.Err)
		}
	}
	keys, err := json.Marshal(streams)
	if err != nil {
		t.Fatal(err)
	}
	query := strings.Replace("EXPLAIN "+db.Dialect.OfKeys("*", "events", "stream"), "$1", "'"+string(keys)+"'", 1)
	plan, err := eventstore.Select(t.Context(), s.Reader(), "plan", eventstore.Value[string], query)
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(plan, "\n"); strings.Contains(text, "Seq Scan") {
		t.Errorf("streams are read by\n%s", text)
	}
}
