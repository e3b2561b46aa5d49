package react_test

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	wsql "github.com/ThreeDotsLabs/watermill-sql/v3/pkg/sql"
	"github.com/ThreeDotsLabs/watermill/message"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/eventstoretest/rivals"
	"scrapelog/eventstore/feed"
	"scrapelog/handlers/react"
	"scrapelog/projections"
)

var benchEvents = flag.Int("events", 1_000_000, "events of the large log; feeds are measured over a hundredth of it")

// consume runs consumer groups over the log until stop is called.
func consume(b *testing.B, s *feed.Feed, groups ...react.Group) (stop func()) {
	b.Helper()
	router, err := react.New(s, slog.New(slog.DiscardHandler), groups...)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- router.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}

func projectionGroups() (groups []react.Group) {
	for _, p := range projections.All() {
		groups = append(groups, react.Project(p))
	}
	return groups
}

// log opens a log of n events with empty projections.
func log(b *testing.B, db eventstoretest.Database, n int) *feed.Feed {
	b.Helper()
	s := db.Open(b)
	if err := errors.Join(projections.Ensure(b.Context(), s), rivals.Fill(b.Context(), s, int64(n))); err != nil {
		b.Fatal(err)
	}
	return feed.New(s)
}

// stopwatch measures from the commit of an event to its handler.
type stopwatch struct {
	mu                 sync.Mutex
	committed, handled map[string]time.Time
}

func (w *stopwatch) mark(at map[string]time.Time, id string) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	at[id] = now
}

// sample commits n events at uneven intervals and returns the latencies. A
// handler may be called before the commit is acknowledged: that counts as 0.
func (w *stopwatch) sample(b *testing.B, n int, commit func() (id string, err error)) (all []time.Duration) {
	b.Helper()
	for range n {
		id, err := commit()
		if err != nil {
			b.Fatal(err)
		}
		w.mark(w.committed, id)
		time.Sleep(time.Duration(2+rand.IntN(20)) * time.Millisecond)
	}
	deadline := time.Now().Add(patience)
	for {
		w.mu.Lock()
		if len(w.handled) >= n {
			for id, at := range w.handled {
				all = append(all, max(0, at.Sub(w.committed[id])))
			}
			w.mu.Unlock()
			slices.Sort(all)
			return all
		}
		w.mu.Unlock()
		if time.Now().After(deadline) {
			b.Fatal("events were not handled in time")
		}
		time.Sleep(time.Millisecond)
	}
}

func newStopwatch() *stopwatch {
	return &stopwatch{committed: map[string]time.Time{}, handled: map[string]time.Time{}}
}

const samples = 150 // of a latency, in one round

// BenchmarkCommitToHandler reports p50 and p99 from a commit to its handler, in
// milliseconds, of ours and of watermill-sql at two poll intervals, and their ratios.
func BenchmarkCommitToHandler(b *testing.B) {
	eventstoretest.EachBench(b, func(b *testing.B, database func(testing.TB) eventstoretest.Database) {
		contenders := []struct {
			name    string
			measure func() []time.Duration
		}{
			{rivals.Ours, func() []time.Duration { return feedLatency(b, feed.New(database(b).Open(b))) }},
			{"watermill-default-poll", func() []time.Duration { return watermillLatency(b, database(b), 0) }},
			{"watermill-10ms-poll", func() []time.Duration { return watermillLatency(b, database(b), 10*time.Millisecond) }},
		}
		p50, p99 := map[string][]float64{}, map[string][]float64{}
		rivals.Rounds(func() {
			for _, c := range contenders {
				all := c.measure()
				p50[c.name] = append(p50[c.name], all[len(all)/2].Seconds()*1e3)
				p99[c.name] = append(p99[c.name], all[len(all)*99/100].Seconds()*1e3)
			}
		})
		b.ReportMetric(0, "ns/op")
		for _, c := range contenders {
			b.ReportMetric(rivals.Median(p50[c.name]), c.name+"-p50-ms")
			b.ReportMetric(rivals.Median(p99[c.name]), c.name+"-p99-ms")
			if c.name != rivals.Ours {
				b.ReportMetric(rivals.Median(p50[rivals.Ours])/rivals.Median(p50[c.name]), "x-"+c.name+"-p50")
				b.ReportMetric(rivals.Median(p99[rivals.Ours])/rivals.Median(p99[c.name]), "x-"+c.name+"-p99")
			}
		}
	})
}

func feedLatency(b *testing.B, s *feed.Feed) []time.Duration {
	w := newStopwatch()
	stop := consume(b, s, react.Group{Name: "bench", Types: domain.EventTypes, Handle: func(_ context.Context, r eventstore.Recorded, _ domain.Event) error {
		w.mark(w.handled, r.ID.String())
		return nil
	}})
	defer stop()
	teller := rivals.Tellers(1)[0]
	return w.sample(b, samples, func() (string, error) {
		records, err := s.Append(b.Context(), teller.Next())
		if err != nil {
			return "", err
		}
		return records[0].ID.String(), nil
	})
}

func watermillLatency(b *testing.B, db eventstoretest.Database, poll time.Duration) []time.Duration {
	rival := rivals.NewWatermill(b, db, 4)
	messages, sub, err := rival.Subscribe(b.Context(), poll)
	if err != nil {
		b.Fatal(err)
	}
	w := newStopwatch()
	go func() {
		for m := range messages {
			w.mark(w.handled, m.UUID)
			m.Ack()
		}
	}()
	defer sub.Close()
	return w.sample(b, samples, rival.PublishOne)
}

// BenchmarkLive has all projections follow the log through the feed, beside a
// bare subscriber of watermill-sql whose handler writes the same rows.
func BenchmarkLive(b *testing.B) {
	eventstoretest.EachBench(b, func(b *testing.B, database func(testing.TB) eventstoretest.Database) {
		s := log(b, database(b), 0)
		bare := newBareSubscriber(b, database(b))
		var cpu []float64
		live := func() float64 {
			before := head(b, s)
			if err := rivals.Fill(b.Context(), s.Store, before+int64(*benchEvents/100)); err != nil {
				b.Fatal(err)
			}
			events, begun, used := head(b, s)-before, time.Now(), rivals.CPU()
			stop := consume(b, s, projectionGroups()...)
			for _, p := range projections.All() {
				if err := s.WaitFor(b.Context(), p.Name(), before+events); err != nil {
					b.Fatal(err)
				}
			}
			rate := float64(events) / time.Since(begun).Seconds()
			cpu = append(cpu, (rivals.CPU()-used).Seconds()*1e6/float64(events))
			stop()
			return rate
		}
		rivals.InTurns(b, rivals.Turn{Name: rivals.Ours, Rate: live}, rivals.Turn{Name: "bare-watermill", Rate: func() float64 { return bare.rate(b, *benchEvents/1000) }})
		b.ReportMetric(rivals.Median(cpu), "cpu-µs/event")
	})
}

func head(b *testing.B, s *feed.Feed) int64 {
	b.Helper()
	position, err := s.Head(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return position
}

// bareSubscriber is watermill-sql whose handler fills the projections of a log.
type bareSubscriber struct {
	*rivals.Watermill
	store    *feed.Feed
	position int64
}

func newBareSubscriber(b *testing.B, db eventstoretest.Database) *bareSubscriber {
	return &bareSubscriber{Watermill: rivals.NewWatermill(b, db, 4), store: log(b, db, 0)}
}

func (s *bareSubscriber) rate(b *testing.B, n int) float64 {
	published, err := s.PublishStories(n)
	if err != nil {
		b.Fatal(err)
	}
	begun := time.Now()
	messages, sub, err := s.Subscribe(b.Context(), 0)
	if err != nil {
		b.Fatal(err)
	}
	defer sub.Close()
	for range published {
		m := <-messages
		if err := s.apply(m); err != nil {
			b.Fatal(err)
		}
		m.Ack()
	}
	return float64(published) / time.Since(begun).Seconds()
}

func (s *bareSubscriber) apply(m *message.Message) error {
	tx, ok := wsql.TxFromContext(m.Context())
	if !ok {
		return errors.New("the message carries no transaction")
	}
	e, err := domain.Decode(m.Metadata["type"], m.Payload)
	if err != nil {
		return err
	}
	s.position++
	return applyAll(m.Context(), tx, eventstore.Recorded{Position: s.position, Type: m.Metadata["type"]}, e)
}

func applyAll(ctx context.Context, tx *sql.Tx, r eventstore.Recorded, e domain.Event) error {
	for _, p := range projections.All() {
		if err := p.Apply(ctx, tx, r, e); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkBacklog reads the same number of events of a large and of a small log
// in turns, each time in a group that has all of its log before it.
func BenchmarkBacklog(b *testing.B) {
	eventstoretest.EachBench(b, func(b *testing.B, database func(testing.TB) eventstoretest.Database) {
		read := *benchEvents / 100
		db := database(b)
		small, large := log(b, db, read), log(b, rivals.Log(b, db.Dialect, int64(*benchEvents/2)), *benchEvents/2)
		groups := 0
		rate := func(s *feed.Feed) func() float64 {
			return func() float64 {
				groups++
				group := react.Group{Name: fmt.Sprintf("bench-%d", groups), Blocks: true, Types: domain.EventTypes, Handle: func(ctx context.Context, r eventstore.Recorded, e domain.Event) error {
					tx, _ := eventstore.TxFrom(ctx)
					return applyAll(ctx, tx, r, e)
				}}
				begun := time.Now()
				stop := consume(b, s, group)
				if err := s.WaitFor(b.Context(), group.Name, int64(read)); err != nil {
					b.Fatal(err)
				}
				took := time.Since(begun)
				stop()
				return float64(read) / took.Seconds()
			}
		}
		rivals.InTurns(b, rivals.Turn{Name: rivals.Ours, Rate: rate(large)}, rivals.Turn{Name: "small", Rate: rate(small)})
	})
}

// BenchmarkIdle reports what the feed of an idle log costs this process, and what
// is written meanwhile.
func BenchmarkIdle(b *testing.B) {
	const long = 15 * time.Second // a session that PostgreSQL does not hear of reports what it wrote after 10
	eventstoretest.EachBench(b, func(b *testing.B, database func(testing.TB) eventstoretest.Database) {
		db := database(b)
		s := log(b, db, 0)
		stop := consume(b, s, projectionGroups()...)
		defer stop()
		time.Sleep(long) // until it has settled
		before, used := written(b, s, db), rivals.CPU()
		time.Sleep(long)
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(100*(rivals.CPU()-used).Seconds()/long.Seconds(), "cpu-%")
		b.ReportMetric(float64(written(b, s, db)-before), "written")
	})
}

// written grows with everything that is written: bytes of the -wal file on
// SQLite, changed rows on PostgreSQL, whose WAL is that of the whole server.
func written(b *testing.B, s *feed.Feed, db eventstoretest.Database) (size int64) {
	if path, lite := strings.CutPrefix(db.URL, "sqlite:"); lite {
		if info, err := os.Stat(path + "-wal"); err == nil {
			size = info.Size()
		}
		return size
	}
	var rows sql.NullInt64
	query := `SELECT tup_inserted + tup_updated + tup_deleted FROM pg_stat_database WHERE datname = current_database()`
	if err := s.Reader().QueryRowContext(b.Context(), query).Scan(&rows); err != nil {
		b.Fatal(err)
	}
	return rows.Int64
}
