package eventstore_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"scrapelog/eventstore"
)

// TestUnreachable: a file that cannot be opened is the database's fault, from whichever
// query the error comes; a statement that is wrong is ours.
func TestUnreachable(t *testing.T) {
	dir := t.TempDir()
	for _, query := range []string{"SELECT 1 FROM nothing", "SELEC"} {
		if err := ask(t, filepath.Join(dir, "new.db"), query); eventstore.Unreachable(err) {
			t.Errorf("%s: %v", query, err)
		}
	}
	if err := ask(t, filepath.Join(dir, "none", "log.db"), "SELECT 1 FROM events"); !eventstore.Unreachable(fmt.Errorf("runs: %w", err)) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func ask(t *testing.T, path, query string) error {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err = db.ExecContext(t.Context(), query); err == nil {
		t.Fatalf("%s: no error", query)
	}
	return err
}
