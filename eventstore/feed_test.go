package eventstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

const patience = 30 * time.Second

// feed is how the tests read: quick to try again, and never woken by the poll.
func feed() eventstore.FeedConfig {
	return eventstore.FeedConfig{
		Group: "effects", HandlerTimeout: 5 * time.Second, Backoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond, Poll: time.Hour,
	}
}

// consume runs a router over the log and returns what stops it.
func consume(t testing.TB, s *eventstore.Store, cfg eventstore.FeedConfig, handle message.NoPublishHandlerFunc) (stop func()) {
	t.Helper()
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: patience}, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	sub, err := s.Subscriber(cfg, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	router.AddMiddleware(eventstore.Reasons)
	router.AddConsumerHandler(cfg.Group, eventstore.Topic, sub, handle)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- router.Run(ctx) }()
	select {
	case <-router.Running():
	case err := <-done:
		t.Fatalf("router: %v", err)
	}
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("router: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

// withEffects makes a table that nothing keeps unique, so that an effect that
// happens twice is seen.
func withEffects(t testing.TB, s *eventstore.Store) {
	t.Helper()
	write(t, s, `CREATE TABLE effects (position bigint NOT NULL)`)
}

func write(t testing.TB, s *eventstore.Store, statement string) {
	t.Helper()
	err := s.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func effect(msg *message.Message) error {
	r, err := eventstore.RecordedFromMessage(msg)
	if err != nil {
		return err
	}
	tx, ok := eventstore.TxFrom(msg.Context())
	if !ok {
		return errors.New("the message carries no transaction")
	}
	_, err = tx.ExecContext(msg.Context(), `INSERT INTO effects VALUES ($1)`, r.Position)
	return err
}

func appendRuns(t testing.TB, s *eventstore.Store, n int) {
	t.Helper()
	for range n {
		mustAppend(t, s, appendOf(0, started(uuid.New())))
	}
}

func assertEffects(t testing.TB, s *eventstore.Store, want int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.WaitFor(ctx, "effects", want); err != nil {
		offset, _ := s.Offset(context.Background(), "effects")
		t.Fatalf("the group came to %d of %d: %v", offset, want, err)
	}
	rows, err := s.Reader().QueryContext(ctx, `SELECT position FROM effects ORDER BY position`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []int64
	for rows.Next() {
		var position int64
		if err := rows.Scan(&position); err != nil {
			t.Fatal(err)
		}
		got = append(got, position)
	}
	var all []int64
	for position := range want {
		all = append(all, position+1)
	}
	if !slices.Equal(got, all) {
		t.Fatalf("effects %v, want each of 1 to %d once", got, want)
	}
}

func TestFeedSurvives(t *testing.T) {
	fault := errors.New("on purpose")
	// Each misbehaves after it has written, on every third event, and is well the
	// second time.
	misbehaviours := map[string]func(*message.Message) error{
		"a nack after writes": func(*message.Message) error { return fault },
		"a panic":             func(*message.Message) error { panic(fault) },
		"an SQL error": func(msg *message.Message) error {
			tx, _ := eventstore.TxFrom(msg.Context())
			_, err := tx.ExecContext(msg.Context(), `INSERT INTO nowhere VALUES (1)`)
			return err
		},
		"an overstaying handler": func(msg *message.Message) error {
			<-msg.Context().Done()
			return nil // as one that does not look at its context
		},
	}
	for name, misbehave := range misbehaviours {
		t.Run(name, func(t *testing.T) {
			eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
				s := db.Open(t)
				withEffects(t, s)
				cfg := feed()
				if name == "an overstaying handler" {
					cfg.HandlerTimeout = 30 * time.Millisecond
				}
				tried := map[string]bool{}
				var mu sync.Mutex
				first := func(msg *message.Message) bool {
					mu.Lock()
					defer mu.Unlock()
					seen := tried[msg.UUID]
					tried[msg.UUID] = true
					return !seen
				}
				appendRuns(t, s, 10)
				consume(t, s, cfg, func(msg *message.Message) error {
					if err := effect(msg); err != nil {
						return err
					}
					if r, _ := eventstore.RecordedFromMessage(msg); r.Position%3 == 0 && first(msg) {
						return misbehave(msg)
					}
					return nil
				})
				appendRuns(t, s, 10)
				assertEffects(t, s, 20)
			})
		})
	}
}

// breaks is a statement whose error ends the transaction: every error does on
// PostgreSQL, some do on SQLite, which then goes on without one.
var breaks = map[eventstore.Dialect]string{
	eventstore.Postgres: `INSERT INTO nowhere VALUES (1)`,
	eventstore.SQLite:   `INSERT OR ROLLBACK INTO consumer_offsets (topic, consumer_group) VALUES ('events', 'effects')`,
}

func breakQuietly(msg *message.Message, d eventstore.Dialect) {
	tx, _ := eventstore.TxFrom(msg.Context())
	_, _ = tx.ExecContext(msg.Context(), breaks[d])
}

func TestFeedFindsAnErrorThatTheHandlerPassedOver(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		withEffects(t, s)
		appendRuns(t, s, 10)
		var failed atomic.Bool
		consume(t, s, feed(), func(msg *message.Message) error {
			if err := effect(msg); err != nil {
				return err
			}
			if r, _ := eventstore.RecordedFromMessage(msg); r.Position == 10 && !failed.Swap(true) {
				breakQuietly(msg, db.Dialect)
			}
			return nil
		})
		assertEffects(t, s, 10)
	})
}

func TestErrorThatIsPassedOverEachTimeIsPoison(t *testing.T) {
	for _, blocks := range []bool{false, true} {
		eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
			s := db.Open(t)
			appendRuns(t, s, 10)
			cfg := feed()
			cfg.Blocks = blocks
			consume(t, s, cfg, func(msg *message.Message) error {
				if r, _ := eventstore.RecordedFromMessage(msg); r.Position == 4 {
					breakQuietly(msg, db.Dialect)
				}
				return nil
			})
			if blocks {
				state := awaitGroup(t, s, func(g eventstore.GroupState) bool { return g.BlockedBy != "" })
				if state.Position != 3 {
					t.Errorf("blocked behind position %d, want 3", state.Position)
				}
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := s.WaitFor(ctx, "effects", 10); err != nil {
				t.Fatal(err)
			}
			letters, err := s.DeadLetters(ctx)
			if err != nil || len(letters) != 1 || letters[0].Position != 4 {
				t.Errorf("dead letters %+v, %v; want position 4", letters, err)
			}
		})
	}
}

func TestFeedRecognisesALostCommit(t *testing.T) {
	s := eventstoretest.Postgres(t).Open(t)
	withEffects(t, s)
	write(t, s, `CREATE SEQUENCE commits`) // sequences do not fall back with a transaction
	write(t, s, `CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF nextval('commits') <= 3 THEN RAISE 'lost'; END IF; RETURN NULL; END $$`)
	write(t, s, `CREATE CONSTRAINT TRIGGER lose AFTER INSERT ON effects DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lose()`)
	appendRuns(t, s, 1)
	cfg := feed()
	cfg.Backoff, cfg.MaxBackoff = 20*time.Millisecond, time.Second
	var handled atomic.Int64
	begun := time.Now()
	consume(t, s, cfg, func(msg *message.Message) error {
		handled.Add(1)
		return effect(msg)
	})
	assertEffects(t, s, 1)
	if took, least := time.Since(begun), (20+40+80)*time.Millisecond; took < least {
		t.Errorf("three lost commits were tried again within %s, want at least %s", took, least)
	}
	if handled.Load() != 4 {
		t.Errorf("handled %d times, want 4: three lost commits and a good one", handled.Load())
	}
}

func TestFeedSurvivesALostConnection(t *testing.T) {
	s := eventstoretest.Postgres(t).Open(t)
	withEffects(t, s)
	appendRuns(t, s, 20)
	cfg := feed()
	cfg.Attempts = 1 // what the database does must not count
	var cut atomic.Int64
	consume(t, s, cfg, func(msg *message.Message) error {
		if err := effect(msg); err != nil {
			return err
		}
		if cut.Add(1) <= 3 {
			tx, _ := eventstore.TxFrom(msg.Context())
			_, err := tx.ExecContext(msg.Context(), `SELECT pg_terminate_backend(pg_backend_pid())`)
			return err
		}
		return nil
	})
	assertEffects(t, s, 20)
}

func TestFeedSurvivesRestartsUnderWriters(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		withEffects(t, s)
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 0))
		const writers, each = 8, 25
		var group sync.WaitGroup
		for range writers {
			group.Go(func() { appendRuns(t, s, each) })
		}
		for range 15 {
			nack, stopAt := random.IntN(5), random.IntN(20)
			reached := make(chan struct{})
			var handled atomic.Int64
			stop := consume(t, s, feed(), func(msg *message.Message) error {
				if handled.Add(1) == int64(stopAt) {
					close(reached)
				}
				if err := effect(msg); err != nil {
					return err
				}
				if handled.Load()%5 == int64(nack) {
					return errors.New("on purpose")
				}
				return nil
			})
			select {
			case <-reached:
			case <-time.After(20 * time.Millisecond):
			}
			stop()
		}
		group.Wait()
		consume(t, s, feed(), effect)
		assertEffects(t, s, writers*each)
	})
}

func TestPoisonOfAReactionBecomesADeadLetter(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		withEffects(t, s)
		appendRuns(t, s, 3)
		consume(t, s, feed(), func(msg *message.Message) error {
			if r, _ := eventstore.RecordedFromMessage(msg); r.Position == 2 {
				return errors.New("poison")
			}
			return effect(msg)
		})
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := s.WaitFor(ctx, "effects", 3); err != nil {
			t.Fatal(err)
		}
		letters, err := s.DeadLetters(ctx)
		if err != nil || len(letters) != 1 || letters[0].Position != 2 || letters[0].Reason != "poison" {
			t.Errorf("dead letters %+v, %v; want position 2", letters, err)
		}
		states, err := s.GroupStates(ctx)
		if err != nil || len(states) != 1 || states[0].DeadLetters != 1 || states[0].Lag != 0 {
			t.Errorf("states %+v, %v", states, err)
		}
	})
}

func TestPoisonBlocksAProjectionUntilItCanBeApplied(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		withEffects(t, s)
		appendRuns(t, s, 3)
		cfg := feed()
		cfg.Blocks = true
		var cured atomic.Bool
		consume(t, s, cfg, func(msg *message.Message) error {
			if r, _ := eventstore.RecordedFromMessage(msg); r.Position == 2 && !cured.Load() {
				return errors.New("poison")
			}
			return effect(msg)
		})
		state := awaitGroup(t, s, func(g eventstore.GroupState) bool { return g.BlockedBy != "" })
		if state.Position != 1 || state.Lag != 2 || state.BlockedBy != "position 2: poison" || state.Behind <= 0 {
			t.Errorf("state is %+v", state)
		}
		cured.Store(true)
		assertEffects(t, s, 3)
		if state = awaitGroup(t, s, func(g eventstore.GroupState) bool { return g.Lag == 0 }); state.BlockedBy != "" {
			t.Errorf("still blocked by %s", state.BlockedBy)
		}
	})
}

func awaitGroup(t testing.TB, s *eventstore.Store, good func(eventstore.GroupState) bool) eventstore.GroupState {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	progress, stop := s.WakeProgress()
	defer stop()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for {
		states, err := s.GroupStates(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range states {
			if good(g) {
				return g
			}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("states are %+v", states)
		case <-progress:
		case <-poll.C:
		}
	}
}

func TestDatabaseErrorsAreNoPoison(t *testing.T) {
	s := eventstoretest.SQLite(t).Open(t)
	withEffects(t, s)
	appendRuns(t, s, 1)
	var handled atomic.Int64
	consume(t, s, feed(), func(msg *message.Message) error {
		if handled.Add(1) < 20 {
			return fmt.Errorf("%w: the disk is full", eventstore.ErrUnavailable)
		}
		return effect(msg)
	})
	assertEffects(t, s, 1)
}

func TestCommitWakesTheFeed(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		reader, writer := db.Open(t), db.Open(t)
		if db.Dialect == eventstore.SQLite {
			writer = reader // another process is heard of by the poll only
		}
		withEffects(t, reader)
		consume(t, reader, feed(), effect) // polls once an hour
		for n := range int64(20) {
			appendRuns(t, writer, 1)
			assertEffects(t, reader, n+1)
		}
	})
}

func TestAppendInAHandlerCommitsWithTheOffset(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := db.Open(t)
		run := uuid.New()
		var tries atomic.Int64
		consume(t, s, feed(), func(msg *message.Message) error {
			if r, _ := eventstore.RecordedFromMessage(msg); r.Position > 1 {
				return nil
			}
			if _, err := s.Append(msg.Context(), appendOf(1, completed(run))); err != nil {
				return err
			}
			if tries.Add(1) < 3 {
				return errors.New("on purpose")
			}
			return nil
		})
		others := feed()
		others.Group = "others"
		consume(t, s, others, func(*message.Message) error { return nil })
		mustAppend(t, s, appendOf(0, started(run)))
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		for _, group := range []string{"effects", "others"} { // both woken by the append in the handler
			if err := s.WaitFor(ctx, group, 2); err != nil {
				t.Fatalf("group %s: %v", group, err)
			}
		}
		assertGapFree(t, s, 2)
	})
}

func TestTwoInstancesShareAGroup(t *testing.T) {
	db := eventstoretest.Postgres(t)
	a, b := db.Open(t), db.Open(t)
	withEffects(t, a)
	stop := consume(t, a, feed(), effect)
	consume(t, b, feed(), effect)
	for range 5 {
		appendRuns(t, a, 20)
	}
	stop()
	appendRuns(t, a, 20)
	assertEffects(t, b, 120)
}

func TestSubscriberNeedsAGroup(t *testing.T) {
	s := eventstoretest.SQLite(t).Open(t)
	if _, err := s.Subscriber(eventstore.FeedConfig{}, nil); err == nil {
		t.Error("a subscriber without a group was made")
	}
}
