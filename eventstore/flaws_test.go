package eventstore_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

// flawsMade are changes that an owner of a database can make without an event.
var flawsMade = map[string]struct {
	sqlite, postgres []string // empty: cannot be done there
	kind             eventstore.FlawKind
	table, says      string
	mended           bool // by RepairGuards
}{
	"a trigger is dropped": {
		[]string{`DROP TRIGGER events_no_update`}, []string{`DROP TRIGGER events_append_only ON events`},
		eventstore.FlawSchema, "events", "is missing", true},
	"a trigger is made to do nothing": {
		[]string{`DROP TRIGGER events_no_delete`, `CREATE TRIGGER events_no_delete BEFORE DELETE ON events BEGIN SELECT 1; END`},
		[]string{`CREATE OR REPLACE FUNCTION events_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$`},
		eventstore.FlawSchema, "events", "is not the one that scrapelog made", true},
	"a trigger is disabled":                 {nil, []string{`ALTER TABLE events DISABLE TRIGGER events_append_only`}, eventstore.FlawSchema, "events", "is disabled", true},
	"all triggers are disabled":             {nil, []string{`ALTER TABLE events DISABLE TRIGGER ALL`}, eventstore.FlawSchema, "events", "is disabled", true},
	"a trigger fires in some sessions only": {nil, []string{`ALTER TABLE events ENABLE TRIGGER events_append_only`}, eventstore.FlawSchema, "events", "is disabled", true},
	"a trigger is narrowed to a column": {
		[]string{`DROP TRIGGER events_no_update`, `CREATE TRIGGER events_no_update BEFORE UPDATE OF id ON events BEGIN SELECT RAISE(ABORT, 'events is append-only: UPDATE refused'); END`},
		[]string{`DROP TRIGGER events_append_only ON events`, `CREATE TRIGGER events_append_only BEFORE UPDATE OF id OR DELETE OR TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION events_refuse()`,
			`ALTER TABLE events ENABLE ALWAYS TRIGGER events_append_only`},
		eventstore.FlawSchema, "events", "is not the one that scrapelog made", true},
	"a trigger does not see deletes": {
		nil, []string{`DROP TRIGGER events_append_only ON events`, `CREATE TRIGGER events_append_only BEFORE UPDATE OR TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION events_refuse()`},
		eventstore.FlawSchema, "events", "is not the one that scrapelog made", true},
	"the function that appends is dropped": {nil, []string{`DROP FUNCTION append_events`}, eventstore.FlawSchema, "events", "the function append_events is missing", true},
	"the function that writes guards does nothing": {
		nil, []string{`CREATE OR REPLACE FUNCTION append_decide(of_stream text, expected bigint, asked uuid[], of_scraper text, of_run uuid, guard text, moves bigint, news text)
			RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN END $$`},
		eventstore.FlawSchema, "events", "the function append_decide is not the one that scrapelog made", true},
	"a trigger is added": {
		[]string{`CREATE TRIGGER helper AFTER INSERT ON events BEGIN SELECT 1; END`},
		[]string{`CREATE FUNCTION helper() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$`, `CREATE TRIGGER helper BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION helper()`},
		eventstore.FlawSchema, "events", "the trigger helper is not scrapelog's", true},
	"an index is dropped":     {[]string{`DROP INDEX events_by_type`}, nil, eventstore.FlawSchema, "events", "the index events_by_type is missing", true},
	"a column is added":       {[]string{`ALTER TABLE events ADD COLUMN note TEXT`}, nil, eventstore.FlawSchema, "events", "the table events is not the one", false},
	"a column is another one": {nil, []string{`ALTER TABLE events ALTER COLUMN stream DROP NOT NULL`}, eventstore.FlawSchema, "events", "the column stream text", false},
	"positions are not unique": {nil, []string{`ALTER TABLE events DROP CONSTRAINT events_pkey`},
		eventstore.FlawSchema, "events", "the unique index on position is missing", false},
	"a rule swallows inserts": {nil, []string{`CREATE RULE quiet AS ON INSERT TO events DO INSTEAD NOTHING`}, eventstore.FlawSchema, "events", "the rule quiet", false},
	"rows are hidden":         {nil, []string{`ALTER TABLE events ENABLE ROW LEVEL SECURITY`}, eventstore.FlawSchema, "events", "row security", false},
	"rows of another table":   {nil, []string{`CREATE TABLE more () INHERITS (events)`}, eventstore.FlawSchema, "events", "rows of more", false},
	"another role may delete": {nil, []string{`GRANT DELETE, UPDATE ON events TO PUBLIC`}, eventstore.FlawGrant, "events", "PUBLIC may DELETE, UPDATE", false},
	"an offset past the end": {
		[]string{`INSERT INTO consumer_offsets (topic, consumer_group, position) VALUES ('events', 'rescrape', 999)`},
		[]string{`INSERT INTO consumer_offsets (topic, consumer_group, position) VALUES ('events', 'rescrape', 999)`},
		eventstore.FlawOffset, "consumer_offsets", "the offset of rescrape is 999, past the end of the log at 2", true},
	"an open run that is none": {
		[]string{`UPDATE scraper_guard SET open_run = '0198c2f4-0000-7000-8000-00000000dead'`},
		[]string{`UPDATE scraper_guard SET open_run = '0198c2f4-0000-7000-8000-00000000dead'`},
		eventstore.FlawGuard, "scraper_guard", "0198c2f4-0000-7000-8000-00000000dead", true},
	"a lost run that is none": {
		[]string{`UPDATE scraper_guard SET lost_run = '0198c2f4-0000-7000-8000-00000000dead'`},
		[]string{`UPDATE scraper_guard SET lost_run = '0198c2f4-0000-7000-8000-00000000dead'`},
		eventstore.FlawGuard, "scraper_guard", "lost_run is 0198c2f4", true},
}

func startedAndLost(t *testing.T, store *eventstore.Store) {
	t.Helper()
	about := domain.AboutRun{RunID: uuid.MustParse("0198c2f4-0000-7000-8000-000000000001"), Scraper: "shop"}
	_, err := store.Append(t.Context(), eventstore.Append{Stream: about.Stream(), Events: []eventstore.NewEvent{
		{Event: domain.RunStarted{AboutRun: about, Trigger: domain.TriggerManual, Instance: "a"}},
		{Event: domain.ConnectionLost{AboutRun: about, Link: domain.LinkScraper, Cause: domain.CauseEOF}},
	}})
	if err != nil {
		t.Fatal(err)
	}
}

func execute(t *testing.T, store *eventstore.Store, statements ...string) {
	t.Helper()
	err := store.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		for _, statement := range statements {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFlaws(t *testing.T) {
	for name, test := range flawsMade {
		t.Run(name, func(t *testing.T) {
			eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
				statements := test.sqlite
				if db.Dialect == eventstore.Postgres {
					statements = test.postgres
				}
				if len(statements) == 0 {
					return
				}
				store := db.Open(t)
				startedAndLost(t, store)
				has(t, store)
				execute(t, store, statements...)
				has(t, store, test.says)
				flaws, _ := store.Flaws(t.Context())
				if f := flaws[0]; f.Kind != test.kind || f.Table != test.table || !strings.HasPrefix(f.Says, "table "+test.table+": ") || f.Weak() != (test.kind == eventstore.FlawGrant) {
					t.Errorf("%+v", f)
				}
				if _, err := store.RepairGuards(t.Context(), nil); err != nil {
					t.Fatal(err)
				}
				if test.mended {
					has(t, store)
				} else {
					has(t, store, test.says)
				}
			})
		})
	}
}

// has wants the database to have these flaws, and no others.
func has(t *testing.T, store *eventstore.Store, says ...string) {
	t.Helper()
	flaws, err := store.Flaws(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(flaws) == 0 != (len(says) == 0) {
		t.Errorf("%+v, want %q", flaws, says)
		return
	}
	for _, s := range says {
		found := false
		for _, f := range flaws {
			found = found || strings.Contains(f.Says, s)
		}
		if !found {
			t.Errorf("%+v, want %q", flaws, s)
		}
	}
}

// TestGuardsAreRepaired, every column of them.
func TestGuardsAreRepaired(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		store := db.Open(t)
		startedAndLost(t, store)
		prover := &eventstore.GuardProver{Store: store}
		for _, edit := range []string{
			`UPDATE scraper_guard SET paused = true`, `UPDATE scraper_guard SET removed = true`, `UPDATE scraper_guard SET restored = true`,
			`UPDATE scraper_guard SET last_due = 99`, `UPDATE scraper_guard SET gap = 'paused'`, `UPDATE scraper_guard SET lost_run = NULL`,
			`UPDATE scraper_guard SET open_run = '0198c2f4-0000-7000-8000-00000000dead', instance = 'x'`, `DELETE FROM scraper_guard`,
			`INSERT INTO scraper_guard (scraper, instance, restored, paused, removed, gap) VALUES ('ghost', '', false, false, false, '')`,
		} {
			execute(t, store, edit)
			wrong, err := prover.Prove(t.Context())
			if err != nil || len(wrong) != 1 {
				t.Errorf("%s: %q, %v", edit, wrong, err)
			}
			repaired, err := store.RepairGuards(t.Context(), nil)
			if err != nil || repaired.Guards != 1 {
				t.Errorf("%s: %+v, %v", edit, repaired, err)
			}
			if wrong, err := prover.Prove(t.Context()); err != nil || len(wrong) != 0 {
				t.Errorf("%s: repaired, and %q, %v", edit, wrong, err)
			}
			if wrong, err := store.ProveGuards(t.Context()); err != nil || len(wrong) != 0 {
				t.Errorf("%s: repaired, and %q, %v", edit, wrong, err)
			}
		}
	})
}
