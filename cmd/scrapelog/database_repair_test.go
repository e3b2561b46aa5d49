package main

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/instances"
)

// TestRepairGuards finds changes to the database without an event, and repairs them when no
// server has the database.
func TestRepairGuards(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		store := sealedLog(t, db)
		exits(t, 0, "as the log has them", "db", "status", "--db", db.URL)
		disable := `DROP TRIGGER events_only_next`
		if db.Dialect == eventstore.Postgres {
			disable = `ALTER TABLE events DISABLE TRIGGER ALL`
		}
		disturb(t, store, `UPDATE scraper_guard SET paused = true`,
			`INSERT INTO consumer_offsets (topic, consumer_group, position) VALUES ('events', 'rescrape', 999)`)
		disturbOnly(t, store, disable)
		stdout, _, code := invoke(t, "db", "status", "--db", db.URL)
		for _, says := range []string{"guard of scraper shop is not what the log says: paused is true, by the log false\n", "table events: the trigger", "table consumer_offsets: the offset of rescrape is 999"} {
			if code != 1 || !strings.Contains(stdout, says) {
				t.Errorf("exit %d, no %q in\n%s", code, says, stdout)
			}
		}
		instance, err := instances.New(store).Acquire(t.Context(), "serving")
		if err != nil {
			t.Fatal(err)
		}
		exits(t, 6, "stop it to repair its guards", "db", "repair-guards", "--db", db.URL)
		if err := instance.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		exits(t, 0, "set back: rescrape", "db", "repair-guards", "--db", db.URL)
		exits(t, 0, "0 rewritten", "db", "repair-guards", "--db", db.URL)
		exits(t, 0, "as the log has them", "db", "status", "--db", db.URL)
		exits(t, 0, "intact", "events", "verify", "--db", db.URL)
	})
}

func disturbOnly(t *testing.T, store *eventstore.Store, statement string) {
	t.Helper()
	err := store.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
