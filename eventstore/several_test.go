package eventstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

// TestAppendAfterAnotherStore checks that a store never decides by what it knew of the
// log before another one appended.
func TestAppendAfterAnotherStore(t *testing.T) {
	others := map[string]func(s, other *eventstore.Store, a eventstore.Append) error{
		"another store": func(_, other *eventstore.Store, a eventstore.Append) error {
			_, err := other.Append(context.Background(), a)
			return err
		},
		"a transaction of this one": func(s, _ *eventstore.Store, a eventstore.Append) error {
			return s.InTx(context.Background(), func(ctx context.Context, _ *sql.Tx) error {
				_, err := s.Append(ctx, a)
				return err
			})
		},
	}
	for name, appendElsewhere := range others {
		t.Run(name, func(t *testing.T) {
			eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
				s, other := db.Open(t), db.Open(t)
				for range 3 {
					run := uuid.New()
					mustAppend(t, s, appendOf(0, started(run)))
					open, err := s.Guard(t.Context(), "shop")
					if err != nil {
						t.Fatal(err)
					}
					if err := appendElsewhere(s, other, appendOf(1, completed(run))); err != nil {
						t.Fatal(err)
					}
					lost := domain.ConnectionLost{AboutRun: completed(run).AboutRun, Cause: domain.CauseEOF}
					stale := appendOf(1, lost)
					if _, err := s.Append(t.Context(), stale); !errors.Is(err, eventstore.ErrConflict) {
						t.Errorf("a version that is taken: got %v, want ErrConflict", err)
					}
					next := appendOf(0, started(uuid.New()))
					next.Guard = &open
					if _, err := s.Append(t.Context(), next); !errors.Is(err, eventstore.ErrConflict) {
						t.Errorf("a guard that has moved: got %v, want ErrConflict", err)
					}
				}
				assertGapFree(t, s, 6)
				if wrong, err := s.ProveGuards(t.Context()); len(wrong) > 0 || err != nil {
					t.Errorf("guards are not proved: %v, %v", wrong, err)
				}
			})
		})
	}
}

// TestGuardThatAnotherStoreMoved has an append that only its guard shows to be late.
func TestGuardThatAnotherStoreMoved(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s, other := db.Open(t), db.Open(t)
		mustAppend(t, s, appendOf(0, started(uuid.New())))
		before, err := s.Guard(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		mustAppend(t, other, appendOf(0, domain.ScraperPaused{AboutScraper: domain.AboutScraper{Scraper: "shop", At: at}}))
		next := appendOf(0, started(uuid.New()))
		next.Guard = &before
		if _, err := s.Append(t.Context(), next); !errors.Is(err, eventstore.ErrConflict) {
			t.Errorf("got %v, want ErrConflict", err)
		}
	})
}

func TestFailedAppendLeavesNothingBehind(t *testing.T) {
	s := eventstoretest.Postgres(t).Open(t)
	mustAppend(t, s, appendOf(0, started(uuid.New())))
	write(t, s, `CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'lost'; END $$`)
	write(t, s, `CREATE CONSTRAINT TRIGGER lose AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lose()`)
	if _, err := s.Append(t.Context(), appendOf(0, started(uuid.New()))); err == nil {
		t.Error("an append whose commit fails was acknowledged")
	}
	write(t, s, `DROP TRIGGER lose ON events`)
	mustAppend(t, s, appendOf(0, started(uuid.New())))
	assertGapFree(t, s, 2)
}

// TestAFullDiskIsNoFaultOfTheAppend checks that an append goes on once there is room.
func TestAFullDiskIsNoFaultOfTheAppend(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		appendRuns(t, s, 2)
		free := refuseGrowth(t, s)
		acknowledged, refusal := appendUntilRefused(t, s)
		assertRefused(t, refusal, "make room on")
		if !strings.Contains(refusal.Error(), "unavailable: append:") {
			t.Errorf("it was not refused where the rows are written: %v", refusal)
		}
		free()
		appendRuns(t, s, 1)
		assertGapFree(t, s, acknowledged+3)
	})
}

// TestAWriterWithoutTheLock inserts a row in a transaction that does not take the log's
// lock. The append beside it waits for that row and follows it.
func TestAWriterWithoutTheLock(t *testing.T) {
	s := eventstoretest.Postgres(t).Open(t)
	appendRuns(t, s, 1)
	tx, err := s.Writer().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	_, err = tx.ExecContext(t.Context(), `INSERT INTO events SELECT 2, 'run-of-a-rival', 1, gen_random_uuid(), type, data, metadata, recorded_at FROM events`)
	if err != nil {
		t.Fatal(err)
	}
	appended := make(chan error)
	go func() {
		_, err := s.Append(context.Background(), appendOf(0, started(uuid.New())))
		appended <- err
	}()
	await(t, func() (waits bool) {
		err := s.Reader().QueryRowContext(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity
			WHERE datname = current_database() AND query LIKE '%append_event%' AND wait_event = 'transactionid')`).Scan(&waits)
		return waits && err == nil
	})
	if err := errors.Join(tx.Commit(), <-appended); err != nil {
		t.Fatal(err)
	}
	assertGapFree(t, s, 3)
}

// TestAnAppendScansNoTable checks the plans of append_event. A session keeps those that
// it made while the tables were small, where a scan looked best.
func TestAnAppendScansNoTable(t *testing.T) {
	s := eventstoretest.Postgres(t).Open(t)
	appendRuns(t, s, 5)
	write(t, s, `ANALYZE`)
	err := s.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		before, err := scansOf(ctx, tx) // of this session, ANALYZE among them
		if err != nil {
			return err
		}
		if _, err := s.Append(ctx, appendOf(0, started(uuid.New()))); err != nil {
			return err
		}
		after, err := scansOf(ctx, tx)
		if after > before {
			t.Errorf("%d scans", after-before)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestAGroupLooksItsKeysUp appends a group by the plans that the session made while the
// tables were small: it then reads a few rows for each append, and not all that there are.
func TestAGroupLooksItsKeysUp(t *testing.T) {
	s := eventstoretest.Postgres(t).Open(t)
	appendRuns(t, s, 1)
	write(t, s, `ANALYZE`)
	err := s.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		group := func(from, to int) (reads int) {
			var all []eventstore.Append
			for i := from; i < to; i++ {
				a := appendOf(0, aboutShop(fmt.Sprint("shop-", i)))
				a.Events[0].ID, a.Guard = uuid.New(), &domain.Guard{Scraper: fmt.Sprint("shop-", i)}
				all = append(all, a)
			}
			before, err := readsOf(ctx, tx)
			for _, done := range s.AppendAll(ctx, all) {
				err = errors.Join(err, done.Err)
			}
			after, err2 := readsOf(ctx, tx)
			if err := errors.Join(err, err2); err != nil {
				t.Fatal(err)
			}
			return after - before
		}
		group(0, 2)
		group(2, 300)
		if reads := group(300, 310); reads > 10*8 {
			t.Errorf("%d rows were read for a group of 10", reads)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func readsOf(ctx context.Context, tx *sql.Tx) (n int, err error) {
	err = tx.QueryRowContext(ctx, `SELECT sum(s.seq_tup_read + i.idx_tup_read) FROM pg_stat_xact_user_tables s,
		LATERAL (SELECT sum(pg_stat_get_xact_tuples_returned(indexrelid)) AS idx_tup_read FROM pg_index WHERE indrelid = s.relid) i
		WHERE relname IN ('events', 'scraper_guard')`).Scan(&n)
	return n, err
}

func scansOf(ctx context.Context, tx *sql.Tx) (n int, err error) {
	err = tx.QueryRowContext(ctx, `SELECT sum(seq_scan) FROM pg_stat_xact_user_tables WHERE relname IN ('events', 'scraper_guard')`).Scan(&n)
	return n, err
}

// TestAGroupIsRefusedInParts appends several at once in one transaction. Those that must
// be refused are, each for its own reason, and the transaction goes on.
func TestAGroupIsRefusedInParts(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		known := mustAppend(t, s, appendOf(0, aboutShop("known")))[0]
		again := appendOf(0, aboutShop("another"))
		again.Events[0].ID = known.ID
		guarded := appendOf(0, aboutShop("guarded"))
		guarded.Guard = &domain.Guard{Scraper: "guarded", Paused: true}
		all := []eventstore.Append{
			appendOf(0, aboutShop("first")), appendOf(0, aboutShop("known")), again, guarded, appendOf(3, aboutShop("hole")), appendOf(0, aboutShop("last")),
		}
		wants := []string{"", "is at version 1, not 0", "is at position 1 already", "guard of scraper guarded", "is at version 0, not 3", ""}
		err := s.InTx(t.Context(), func(ctx context.Context, _ *sql.Tx) error {
			for i, done := range s.AppendAll(ctx, all) {
				if err := done.Err; (err != nil) != (wants[i] != "") || err != nil && (!errors.Is(err, eventstore.ErrConflict) || !strings.Contains(err.Error(), wants[i])) {
					t.Errorf("append %d: %v, want %q", i, err, wants[i])
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		assertGapFree(t, s, 3)
		if wrong, err := s.ProveGuards(t.Context()); len(wrong) > 0 || err != nil {
			t.Errorf("guards are not proved: %v, %v", wrong, err)
		}
	})
}

func aboutShop(name string) domain.Event {
	return domain.ScraperPaused{AboutScraper: domain.AboutScraper{Scraper: name, At: at}}
}
