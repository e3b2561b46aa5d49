package eventstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

// TestGuardsMoveAsTheDomainSays appends events of every type to guards of every kind,
// with and without an expected guard. The row is then what domain.Guard.Evolve makes of
// the row before; PostgreSQL moves it by a function.
func TestGuardsMoveAsTheDomainSays(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		random := rand.New(rand.NewPCG(1, 2))
		for round := range 10 {
			moves := make([]move, 60)
			for i := range moves {
				moves[i] = newMove(t, random, fmt.Sprintf("shop-%d-%d", round, i))
			}
			err := s.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) (err error) {
				for _, m := range moves {
					if m.before != (domain.Guard{Scraper: m.before.Scraper}) {
						err = errors.Join(err, m.write(ctx, tx))
					}
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			for i, done := range appendMoves(t, s, moves, round%2 == 0) {
				moves[i].check(t, s, done.Err)
			}
		}
	})
}

// appendMoves appends one by one, or all together.
func appendMoves(t *testing.T, s *eventstore.Store, moves []move, together bool) (done []eventstore.Appended) {
	t.Helper()
	all := make([]eventstore.Append, len(moves))
	for i, m := range moves {
		all[i] = m.append
	}
	err := s.InTx(t.Context(), func(ctx context.Context, _ *sql.Tx) error {
		if together {
			done = s.AppendAll(ctx, all)
			return nil
		}
		for i := range all {
			done = append(done, s.AppendAll(ctx, all[i:i+1])...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// move is a guard, and an append that moves it.
type move struct {
	before domain.Guard
	append eventstore.Append
	stale  bool // it expects another guard
}

func newMove(t *testing.T, random *rand.Rand, scraper string) move {
	t.Helper()
	run := uuid.New()
	m := move{before: domain.Guard{Scraper: scraper}} // of a scraper that the log does not know
	if random.IntN(6) > 0 {
		m.before = randomGuard(random, scraper, run)
	}
	name := domain.EventTypes[random.IntN(len(domain.EventTypes))]
	names := []string{name}
	if strings.HasPrefix(name, "run.") && random.IntN(3) == 0 {
		names = append(names, "run.connection_restored")
	}
	due := []string{"0001-01-01T00:00:00Z", "2026-11-01T11:59:59.5Z", "2026-11-01T12:00:00.123456789Z", "2026-11-02T00:00:00Z"}[random.IntN(4)]
	within := []string{"0s", "1h"}[random.IntN(2)]
	for _, name := range names {
		event, err := domain.Decode(name, fmt.Appendf(nil, `{"run_id":%q,"scraper":%q,"at":"2026-11-01T12:00:01Z","due_at":%q,
			"instance":"two","reason":"paused","min_items":%d,"config":{"expect":{"success_within":%q}}}`, run, scraper, due, random.IntN(2), within))
		if err != nil {
			t.Fatal(err)
		}
		m.append.Events = append(m.append.Events, eventstore.NewEvent{Event: event})
	}
	m.append.Stream = m.append.Events[0].Event.Stream()
	// What a configuration does to an expectation depends on the one before.
	if _, needs := m.append.Events[0].Event.(domain.ScraperConfigured); needs || random.IntN(2) == 0 {
		expected := m.before
		if m.stale = random.IntN(4) == 0; m.stale {
			expected.Paused = !expected.Paused
		}
		m.append.Guard = &expected
	}
	return m
}

func randomGuard(random *rand.Rand, scraper string, run uuid.UUID) domain.Guard {
	other := []uuid.UUID{run, uuid.New(), uuid.Nil}
	times := []time.Time{{}, at, at.Add(time.Minute), at.Add(-time.Minute)}
	yes := func() bool { return random.IntN(2) == 0 }
	moment := func() time.Time { return times[random.IntN(len(times))] }
	g := domain.Guard{
		Scraper: scraper, OpenRun: other[random.IntN(3)], LostRun: other[random.IntN(3)],
		Restored: yes(), Paused: yes(), Removed: yes(), LastDue: moment(),
	}
	if g.OpenRun != uuid.Nil {
		g.Instance = "one"
	}
	if yes() {
		g.Gap = domain.SkipPaused
	}
	if yes() {
		g.Expect = domain.Expectation{Within: domain.Duration(time.Hour), Since: moment(), LastSuccess: moment(), OverdueSince: moment()}
	}
	return g
}

func (m move) write(ctx context.Context, tx *sql.Tx) error {
	g := m.before
	run := func(id uuid.UUID) any { return sql.Null[string]{V: id.String(), Valid: id != uuid.Nil} }
	nanos := func(t time.Time) any { return sql.NullInt64{Int64: t.UnixNano(), Valid: !t.IsZero()} }
	_, err := tx.ExecContext(ctx, `INSERT INTO scraper_guard (scraper, open_run, instance, lost_run, restored, paused, removed, last_due, gap,
		success_within, expected_since, last_success, overdue_since) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		g.Scraper, run(g.OpenRun), g.Instance, run(g.LostRun), g.Restored, g.Paused, g.Removed, nanos(g.LastDue), string(g.Gap),
		int64(g.Expect.Within), nanos(g.Expect.Since), nanos(g.Expect.LastSuccess), nanos(g.Expect.OverdueSince))
	return err
}

func (m move) check(t *testing.T, s *eventstore.Store, err error) {
	t.Helper()
	if m.stale != errors.Is(err, eventstore.ErrConflict) || !m.stale && err != nil {
		t.Errorf("an append to %+v that expects %+v: %v", m.before, m.append.Guard, err)
		return
	}
	want := m.before
	for _, e := range m.append.Events {
		if !m.stale {
			want = want.Evolve(e.Event)
		}
	}
	got, err := s.Guard(t.Context(), want.Scraper)
	if err != nil {
		t.Error(err)
	}
	for _, g := range []*domain.Guard{&got, &want} {
		if g.Expect.Within == 0 { // its times mean nothing
			g.Expect = domain.Expectation{}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%T makes of %+v:\n%s", m.append.Events[0].Event, m.before, diff)
	}
}

// TestAppendsOfOneGroupSeeEachOther appends a whole story at once, each event at the
// version that the one before leaves: those that are written in the wrong order are
// refused, the others leave one log and one guard.
func TestAppendsOfOneGroupSeeEachOther(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		for range 20 {
			run := uuid.New()
			lost := domain.ConnectionLost{AboutRun: started(run).AboutRun, Cause: domain.CauseEOF}
			restored := domain.ConnectionRestored{AboutRun: lost.AboutRun}
			accepted := make([]bool, 3)
			var group sync.WaitGroup
			for i, e := range []domain.Event{started(run), lost, restored} {
				group.Go(func() {
					_, err := s.Append(t.Context(), appendOf(int64(i), e))
					if accepted[i] = err == nil; err != nil && !errors.Is(err, eventstore.ErrConflict) {
						t.Error(err)
					}
				})
			}
			group.Wait()
			if ends := slices.Index(append(accepted, false), false); slices.Contains(accepted[ends:], true) {
				t.Errorf("accepted %v", accepted)
			}
		}
		if wrong, err := s.ProveGuards(t.Context()); len(wrong) > 0 || err != nil {
			t.Errorf("guards are not proved: %v, %v", wrong, err)
		}
	})
}
