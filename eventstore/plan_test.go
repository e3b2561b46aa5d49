package eventstore

import (
	"path/filepath"
	"strings"
	"testing"

	"scrapelog/domain"
)

// TestAStreamIsFoundByItsIndex: whatever else is asked of a stream's events, the
// size of the log does not matter. What is scanned is a row made up, or the newest.
func TestAStreamIsFoundByItsIndex(t *testing.T) {
	s, err := Open(t.Context(), Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "test.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	newest, newestArgs := Query{Stream: "scraper-x", Types: []string{"scraper.configured"}, Limit: 1, Backward: true}.sql()
	some, someArgs := Query{Stream: "run-x", After: 5, Until: 9, Types: []string{"run.started", "run.completed"}}.sql()
	for query, args := range map[string][]any{SQLite.OfKeys(recordedColumns, "events", "stream"): {`{"run-x": 1}`}, eventsConfigurationsSQLite: {`{"scraper-x": 1}`}, newest: newestArgs, some: someArgs, guardDecide: {"scraper-x", "x"}, eventsHeads: {`["run-x"]`}} {
		if text := planOf(t, s, query, args...); !strings.Contains(text, "(stream=?)") || strings.Contains(text, "events_by_type") {
			t.Errorf("%s\nis read by %s", query, text)
		}
	}
}

// TestGuardsAreFoundByTheirKey checks that an append reads the guards that it needs,
// however many scrapers there are.
func TestGuardsAreFoundByTheirKey(t *testing.T) {
	s, err := Open(t.Context(), Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "test.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if text := planOf(t, s, guardSome, `["x"]`); !strings.Contains(text, "SEARCH scraper_guard USING INDEX") {
		t.Errorf("guards are read by %s", text)
	}
}

// TestADecisionReadsEveryConfiguration: the statement names each wire name that a
// configuration has had.
func TestADecisionReadsEveryConfiguration(t *testing.T) {
	for _, name := range domain.WireNames(domain.ScraperConfigured{}.EventType()) {
		for _, query := range []string{guardDecide, eventsConfigurationsSQLite, eventsConfigurationsPostgres} {
			if !strings.Contains(query, "'"+name+"'") {
				t.Errorf("%s\ndoes not read %s", query, name)
			}
		}
	}
}

func planOf(t *testing.T, s *Store, query string, args ...any) string {
	t.Helper()
	plan, err := Select(t.Context(), s.read, "plan", func(row Scanner) (step string, err error) {
		var id, parent, unused int
		return step, row.Scan(&id, &parent, &unused, &step)
	}, "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "; ")
}
