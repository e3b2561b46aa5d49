package eventstore

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestAStreamIsFoundByItsIndex: whatever else is asked of a stream's events, the
// size of the log does not matter.
func TestAStreamIsFoundByItsIndex(t *testing.T) {
	s, err := Open(t.Context(), Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "test.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, q := range []Query{
		{Stream: "scraper-x", Types: []string{"scraper.configured"}, Limit: 1, Backward: true},
		{Stream: "run-x", After: 5, Until: 9, Types: []string{"run.started", "run.completed"}},
	} {
		query, args := q.sql()
		rows, err := s.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := scanAll(rows, func(row scanner) (step string, err error) {
			var id, parent, unused int
			return step, row.Scan(&id, &parent, &unused, &step)
		})
		if err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(plan, "; "); !strings.Contains(text, "(stream=?)") || strings.Contains(text, "SCAN") {
			t.Errorf("%+v is read by %s", q, text)
		}
	}
}
