package eventstore_test

import (
	"testing"

	"scrapelog/eventstore"
)

func TestEachScratchDatabaseIsEmptyAndItsOwn(t *testing.T) {
	for range 2 {
		db, err := eventstore.Scratch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var file string
		if err := db.QueryRowContext(t.Context(), "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&file); err != nil || file != "" {
			t.Errorf("file %q, %v", file, err)
		}
		if _, err := db.ExecContext(t.Context(), "CREATE TABLE runs (id text PRIMARY KEY)"); err != nil {
			t.Error(err)
		}
		if _, err := db.ExecContext(t.Context(), "INSERT INTO runs VALUES ('a')"); err != nil {
			t.Error(err)
		}
		var rows int
		if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM runs").Scan(&rows); err != nil || rows != 1 {
			t.Errorf("%d rows, %v", rows, err)
		}
	}
}
