package eventstore_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/google/uuid"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

// The writer of a SQLite file remembers the end of the log and the guards. An append that
// rests on what was changed otherwise meanwhile is accepted all the same, and one that
// rests on what was taken back is refused.
func TestWhatTheWriterRemembersMayBeOld(t *testing.T) {
	run := uuid.New()
	fault := errors.New("on purpose")
	elsewhere := func(s *eventstore.Store, statement string) error {
		path := ""
		err := s.Reader().QueryRow(`SELECT file FROM pragma_database_list`).Scan(&path)
		if err != nil {
			return err
		}
		db, err := sql.Open("sqlite", path)
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = db.Exec(statement)
		return err
	}
	changes := map[string]struct {
		do      func(s *eventstore.Store) error
		version int64 // of the run's stream after it
		head    int64
	}{
		"nothing": {func(*eventstore.Store) error { return nil }, 1, 1},
		"a guard is edited by another process": {func(s *eventstore.Store) error {
			return elsewhere(s, `UPDATE scraper_guard SET paused = 1`)
		}, 1, 1},
		"an event is written by another process": {func(s *eventstore.Store) error {
			return elsewhere(s, `INSERT INTO events SELECT 2, 'log', 1, 'x', 'log.x', '{}', '{}', recorded_at FROM events`)
		}, 1, 2},
		"guards are repaired": {func(s *eventstore.Store) error {
			if err := elsewhere(s, `DELETE FROM scraper_guard`); err != nil {
				return err
			}
			_, err := s.RepairGuards(context.Background(), nil)
			return err
		}, 1, 1},
		"a transaction appends": {func(s *eventstore.Store) error {
			return s.InTx(context.Background(), func(ctx context.Context, _ *sql.Tx) error {
				_, err := s.Append(ctx, appendOf(1, completed(run)))
				return err
			})
		}, 2, 2},
		"a transaction appends and is rolled back": {func(s *eventstore.Store) error {
			err := s.InTx(context.Background(), func(ctx context.Context, _ *sql.Tx) error {
				_, err := s.Append(ctx, appendOf(1, completed(run)))
				return errors.Join(err, fault)
			})
			if !errors.Is(err, fault) {
				return err
			}
			return nil
		}, 1, 1},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			s := eventstoretest.SQLite(t).Open(t)
			mustAppend(t, s, appendOf(0, started(run)))
			if err := change.do(s); err != nil {
				t.Fatal(err)
			}
			guard, err := s.Guard(t.Context(), "shop")
			if err != nil {
				t.Fatal(err)
			}
			stale := guard
			stale.Paused = !stale.Paused
			next := appendOf(change.version, completed(run))
			next.Guard = &stale
			if _, err := s.Append(t.Context(), next); !errors.Is(err, eventstore.ErrConflict) {
				t.Errorf("a guard that is not the row's: %v", err)
			}
			next.Guard = &guard
			if got := mustAppend(t, s, next); got[0].Position != change.head+1 {
				t.Errorf("position %d, want %d", got[0].Position, change.head+1)
			}
			want := guard.Evolve(completed(run))
			if got, err := s.Guard(t.Context(), "shop"); err != nil || got != want {
				t.Errorf("the guard is %+v, %v; want %+v", got, err, want)
			}
		})
	}
}
