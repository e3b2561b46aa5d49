package eventstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

func appendRuns(t testing.TB, s *eventstore.Store, n int) {
	t.Helper()
	for range n {
		mustAppend(t, s, appendOf(0, started(uuid.New())))
	}
}

func TestAppendIsReadBack(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		run := uuid.New()
		written := mustAppend(t, s, appendOf(0, started(run), completed(run)))
		read, err := s.Read(t.Context(), eventstore.Query{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(written, read); diff != "" {
			t.Errorf("written and read differ:\n%s", diff)
		}
		e, err := read[0].Event()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(domain.Event(started(run)), e); diff != "" {
			t.Errorf("event differs:\n%s", diff)
		}
	})
}

func TestAppendRefuses(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		run := uuid.New()
		first := mustAppend(t, s, appendOf(0, started(run)))
		moved := domain.Guard{Scraper: "shop"}
		refusals := map[string]eventstore.Append{
			"a stream that exists and must not": appendOf(0, completed(run)),
			"a hole":                            appendOf(7, completed(run)),
			"a guard that has moved":            {Stream: domain.RunStream(run), Expected: 1, Guard: &moved, Events: []eventstore.NewEvent{{Event: completed(run)}}},
			"an id that is taken":               {Stream: domain.RunStream(run), Expected: 1, Events: []eventstore.NewEvent{{ID: first[0].ID, Event: completed(run)}}},
		}
		for name, a := range refusals {
			if _, err := s.Append(t.Context(), a); !errors.Is(err, eventstore.ErrConflict) || !errors.Is(err, domain.ErrConflict) {
				t.Errorf("%s: got %v, want ErrConflict", name, err)
			}
		}
		t.Run("and leaves the caller's transaction usable", func(t *testing.T) {
			err := s.InTx(t.Context(), func(ctx context.Context, _ *sql.Tx) error {
				for name, a := range refusals {
					if _, err := s.Append(ctx, a); !errors.Is(err, eventstore.ErrConflict) {
						t.Errorf("%s: got %v, want ErrConflict", name, err)
					}
				}
				_, err := s.Append(ctx, appendOf(1, completed(run)))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if head, err := s.Head(t.Context()); head != 2 || err != nil {
				t.Errorf("head is %d, %v; want 2", head, err)
			}
		})
	})
}

func TestAppendOfAnotherStreamIsInvalid(t *testing.T) {
	s := eventstoretest.SQLite(t).Open(t)
	a := appendOf(0, started(uuid.New()))
	a.Stream = "run-other"
	if _, err := s.Append(t.Context(), a); !errors.Is(err, domain.ErrInvalid) {
		t.Errorf("got %v, want ErrInvalid", err)
	}
}

func TestAppendWithTheSameIDsIsSettled(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		run := uuid.New()
		a := appendOf(0, started(run))
		a.Events[0].ID = uuid.Must(uuid.NewV7())
		first, second := mustAppend(t, s, a), mustAppend(t, s, a)
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("the second answer differs:\n%s", diff)
		}
		if head, err := s.Head(t.Context()); head != 1 || err != nil {
			t.Errorf("head is %d, %v; want 1", head, err)
		}
	})
}

func TestRacingWritersHaveOneWinner(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		const rounds, writers = 20, 16
		for version := range int64(rounds) {
			var won atomic.Int64
			var group sync.WaitGroup
			for range writers {
				group.Go(func() {
					e := domain.ScraperPaused{AboutScraper: domain.AboutScraper{Scraper: "shop", At: at}}
					_, err := s.Append(t.Context(), appendOf(version, e))
					switch {
					case err == nil:
						won.Add(1)
					case !errors.Is(err, eventstore.ErrConflict):
						t.Errorf("got %v, want ErrConflict", err)
					}
				})
			}
			group.Wait()
			if won.Load() != 1 {
				t.Fatalf("version %d has %d winners", version+1, won.Load())
			}
		}
		assertGapFree(t, s, rounds)
	})
}

func assertGapFree(t testing.TB, s *eventstore.Store, want int64) {
	t.Helper()
	records, err := s.Read(context.Background(), eventstore.Query{})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range records {
		if r.Position != int64(i)+1 {
			t.Fatalf("position %d stands where %d should", r.Position, i+1)
		}
	}
	if int64(len(records)) != want {
		t.Fatalf("%d events, want %d", len(records), want)
	}
}

func TestReaderNeverMissesAnEvent(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		const writers, each = 8, 25
		var group sync.WaitGroup
		for range writers {
			group.Go(func() {
				for range each {
					mustAppend(t, s, appendOf(0, started(uuid.New())))
				}
			})
		}
		var seen int64
		for seen < writers*each && !t.Failed() {
			records, err := s.Read(t.Context(), eventstore.Query{After: seen})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range records {
				if r.Position != seen+1 {
					t.Fatalf("after %d came %d", seen, r.Position)
				}
				seen = r.Position
			}
		}
		group.Wait()
	})
}

// TestAReadIsBoundedByBytes reads a log in small parts, forward and backward.
func TestAReadIsBoundedByBytes(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		const events = 10
		for range events {
			mustAppend(t, s, appendOf(0, started(uuid.New())))
		}
		whole, err := s.Read(t.Context(), eventstore.Query{})
		if err != nil || len(whole) != events {
			t.Fatal(len(whole), err)
		}
		for _, backward := range []bool{false, true} {
			q := eventstore.Query{Bytes: 2*whole[0].Size() + 1, Backward: backward}
			var parts []int
			for n := 0; n < events; {
				records, err := s.Read(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				n, parts = n+len(records), append(parts, len(records))
				if q.Last(records) != (n == events && len(records) < 3) {
					t.Errorf("after %d of %d events, last: %t", n, events, q.Last(records))
				}
				if q.After = records[len(records)-1].Position; backward {
					q.After, q.Until = 0, records[len(records)-1].Position-1
				}
			}
			if diff := cmp.Diff([]int{3, 3, 3, 1}, parts); diff != "" {
				t.Errorf("backward %t: %s", backward, diff)
			}
		}
	})
}

func TestGuardRowMovesWithTheAppend(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		run := uuid.New()
		mustAppend(t, s, appendOf(0, started(run)))
		want := domain.Guard{Scraper: "shop"}.Evolve(started(run))
		got, err := s.Guard(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("guard differs:\n%s", diff)
		}
		done := appendOf(1, completed(run))
		done.Guard = &got
		mustAppend(t, s, done)
		if got, err = s.Guard(t.Context(), "shop"); got.OpenRun != uuid.Nil || err != nil {
			t.Errorf("run %s is still open, %v", got.OpenRun, err)
		}
		if wrong, err := s.ProveGuards(t.Context()); len(wrong) > 0 || err != nil {
			t.Errorf("guards are not proved: %v, %v", wrong, err)
		}
	})
}

// The rows are also the list of scrapers: one that is configured and never ran has one.
func TestAScraperHasItsRowFromItsFirstEvent(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		about := domain.AboutScraper{Scraper: "shop", At: at}
		mustAppend(t, s, appendOf(0, domain.ScraperConfigured{AboutScraper: about, Source: domain.SourceFile}))
		about.Scraper = "other" // of which nothing is known yet
		mustAppend(t, s, appendOf(0, domain.ScraperConfigured{AboutScraper: about, Source: domain.SourceFile}))
		guards, err := s.Guards(t.Context())
		if err != nil || len(guards) != 2 {
			t.Errorf("guards %+v, %v", guards, err)
		}
		if wrong, err := s.ProveGuards(t.Context()); err != nil || len(wrong) > 0 {
			t.Errorf("%v, %v", wrong, err)
		}
	})
}

func TestGuardRowFallsBackWithTheTransaction(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		fault := errors.New("on purpose")
		err := s.InTx(t.Context(), func(ctx context.Context, _ *sql.Tx) error {
			if _, err := s.Append(ctx, appendOf(0, started(uuid.New()))); err != nil {
				return err
			}
			return fault
		})
		if !errors.Is(err, fault) {
			t.Fatal(err)
		}
		if guards, err := s.Guards(t.Context()); len(guards) != 0 || err != nil {
			t.Errorf("guards %v, %v; want none", guards, err)
		}
	})
}

func TestProveGuardsNamesTheRowThatIsWrong(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		mustAppend(t, s, appendOf(0, started(uuid.New())))
		err := s.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE scraper_guard SET open_run = NULL`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if wrong, err := s.ProveGuards(t.Context()); len(wrong) != 1 || err != nil {
			t.Errorf("got %v, %v; want one mismatch", wrong, err)
		}
	})
}

func TestWhatTheDatabaseRefusesFailsAlone(t *testing.T) {
	s := eventstoretest.Postgres(t).Open(t)
	const writers = 16
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			e := domain.ScraperPaused{AboutScraper: domain.AboutScraper{Scraper: fmt.Sprintf("shop-%d", i), At: at}}
			if i%4 == 0 {
				e.Scraper += "\x00" // which text cannot hold
			}
			_, err := s.Append(t.Context(), appendOf(0, e))
			if wrong := i%4 == 0; wrong != (err != nil) {
				t.Errorf("writer %d: %v", i, err)
			}
		})
	}
	group.Wait()
	assertGapFree(t, s, writers*3/4)
}

func TestAppendIsTakenBackWhileItWaits(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		held, cancelled := make(chan struct{}), make(chan struct{})
		var group sync.WaitGroup
		group.Go(func() {
			err := s.InTx(t.Context(), func(ctx context.Context, _ *sql.Tx) error {
				_, err := s.Append(ctx, appendOf(0, started(uuid.New())))
				close(held)
				<-cancelled
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
		<-held
		group.Go(func() { mustAppend(t, s, appendOf(0, started(uuid.New()))) }) // leads a group
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Append(ctx, appendOf(0, started(uuid.New()))); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		close(cancelled)
		group.Wait()
	})
}

func TestInstancesAppendSideBySide(t *testing.T) {
	db := eventstoretest.Postgres(t)
	stores := []*eventstore.Store{db.Open(t), db.Open(t), db.Open(t)}
	const writers, each = 4, 20
	var group sync.WaitGroup
	for _, s := range stores {
		for range writers {
			group.Go(func() { appendRuns(t, s, each) })
		}
	}
	group.Wait()
	assertGapFree(t, stores[0], int64(len(stores)*writers*each))
}
