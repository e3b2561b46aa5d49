package feed_test

import (
	"context"
	"database/sql"
	"errors"
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
	"scrapelog/eventstore/feed"
)

// config is how the tests read: quick to try again, and never woken by the poll.
func config() feed.Config {
	return feed.Config{
		Group: "effects", HandlerTimeout: 5 * time.Second, Backoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond, Poll: time.Hour,
	}
}

// consume runs a router over the log and returns what stops it. handle is given a
// message for each event of a batch.
func consume(t testing.TB, s *feed.Feed, cfg feed.Config, handle message.NoPublishHandlerFunc) (stop func()) {
	t.Helper()
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: patience}, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	sub, err := s.Subscriber(cfg, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	router.AddMiddleware(feed.Reasons)
	router.AddConsumerHandler(cfg.Group, eventstore.Topic, sub, func(m *message.Message) error {
		events, err := feed.Events(m)
		for _, e := range events {
			one := feed.MessageOf([]feed.Event{e})
			one.SetContext(m.Context())
			if err := feed.At(e, handle(one)); err != nil {
				return err
			}
		}
		return err
	})
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
func withEffects(t testing.TB, s *feed.Feed) {
	t.Helper()
	write(t, s, `CREATE TABLE effects (position bigint NOT NULL)`)
}

func write(t testing.TB, s *feed.Feed, statement string) {
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
	r, err := feed.RecordedFromMessage(msg)
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

func appendRuns(t testing.TB, s *feed.Feed, n int) {
	t.Helper()
	for range n {
		mustAppend(t, s, appendOf(0, started(uuid.New())))
	}
}

func assertEffects(t testing.TB, s *feed.Feed, want int64) {
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
				s := feed.New(db.Open(t))
				withEffects(t, s)
				cfg := config()
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
					if r, _ := feed.RecordedFromMessage(msg); r.Position%3 == 0 && first(msg) {
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

func TestFeedRecognisesALostCommit(t *testing.T) {
	s := feed.New(eventstoretest.Postgres(t).Open(t))
	withEffects(t, s)
	write(t, s, `CREATE SEQUENCE commits`) // sequences do not fall back with a transaction
	write(t, s, `CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF nextval('commits') <= 3 THEN RAISE 'lost'; END IF; RETURN NULL; END $$`)
	write(t, s, `CREATE CONSTRAINT TRIGGER lose AFTER INSERT ON effects DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lose()`)
	appendRuns(t, s, 1)
	cfg := config()
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
	s := feed.New(eventstoretest.Postgres(t).Open(t))
	withEffects(t, s)
	appendRuns(t, s, 20)
	cfg := config()
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
		s := feed.New(db.Open(t))
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
			stop := consume(t, s, config(), func(msg *message.Message) error {
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
		consume(t, s, config(), effect)
		assertEffects(t, s, writers*each)
	})
}
