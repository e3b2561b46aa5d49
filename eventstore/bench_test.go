package eventstore_test

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/eventstoretest/rivals"
)

var benchEvents = flag.Int64("events", 1_000_000, "events of the large log that benchmarks work on")

// appends is the contender that all others are compared with: one event each, at
// its expected version.
func appends(s *eventstore.Store, writers int) rivals.Contender {
	tellers := rivals.Tellers(writers)
	return rivals.Contender{Name: rivals.Ours, Write: func(ctx context.Context, writer int) error {
		_, err := s.Append(ctx, tellers[writer].Next())
		return err
	}}
}

func BenchmarkAppend(b *testing.B) {
	eventstoretest.EachBench(b, func(b *testing.B, database func(testing.TB) eventstoretest.Database) {
		const most = 64
		first := database(b)
		all := []rivals.Contender{
			appends(first.Open(b), most),
			rivals.NewPlain(b, database(b), most).Each(),
			rivals.NewWatermill(b, database(b), most).Each(),
		}
		if first.Dialect == eventstore.Postgres {
			if c, found := rivals.MessageDB(b, database(b), most); found {
				all = append(all, c)
			}
		}
		for _, writers := range []int{1, 8, 32, most} {
			b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) { rivals.Contest(b, writers, all...) })
		}
	})
}

// BenchmarkTwoInstances compares 32 writers over two stores of one database with
// 32 writers over one. SQLite has one serving process by design.
func BenchmarkTwoInstances(b *testing.B) {
	const writers = 32
	db := eventstoretest.Postgres(b)
	one, two := appends(db.Open(b), writers), appends(db.Open(b), writers)
	both := rivals.Contender{Name: "two", Write: func(ctx context.Context, writer int) error {
		if writer%2 == 0 {
			return one.Write(ctx, writer)
		}
		return two.Write(ctx, writer)
	}}
	one.Name = "one"
	rivals.Contest(b, writers, both, one)
}

// BenchmarkImport compares the import of a thousand events with the same number
// of rows in one transaction, a hundred in one statement.
func BenchmarkImport(b *testing.B) {
	const batch = 1000
	eventstoretest.EachBench(b, func(b *testing.B, database func(testing.TB) eventstoretest.Database) {
		s := database(b).Open(b)
		var position int64
		ours := rivals.Contender{Name: rivals.Ours, Events: batch, Write: func(ctx context.Context, _ int) error {
			events := make([]eventstore.Stored, batch)
			for i := range events {
				position++
				events[i] = rivals.Row(i)
				events[i].Position = position
			}
			return s.Import(ctx, events, position, []string{"rescrape"})
		}}
		rivals.Contest(b, 1, ours, rivals.NewPlain(b, database(b), 1).Batches(b, batch))
	})
}

// BenchmarkRace has 16 writers race for the versions of four streams while a
// reader follows: each version has one winner, and the reader misses nothing.
func BenchmarkRace(b *testing.B) {
	eventstoretest.EachBench(b, func(b *testing.B, database func(testing.TB) eventstoretest.Database) {
		r := &race{store: database(b).Open(b), appends: *benchEvents * 3 / 100}
		begun := time.Now()
		group, ctx := errgroup.WithContext(b.Context())
		for i := range racers {
			group.Go(func() error { return r.write(ctx, i) })
		}
		group.Go(func() error { return r.follow(ctx) })
		if err := group.Wait(); err != nil {
			b.Fatal(err)
		}
		if r.skipped > 0 || r.won.Load() != r.seen {
			b.Errorf("%d won, %d seen, %d skipped", r.won.Load(), r.seen, r.skipped)
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(r.appends)/time.Since(begun).Seconds(), "appends/s")
		b.ReportMetric(float64(r.skipped), "skipped")
	})
}

const (
	racers      = 16
	raceStreams = 4
)

type race struct {
	store    *eventstore.Store
	appends  int64
	tried    atomic.Int64
	won      atomic.Int64
	ended    atomic.Int64
	versions [raceStreams]atomic.Int64
	seen     int64
	skipped  int64
}

func (r *race) write(ctx context.Context, writer int) error {
	defer r.ended.Add(1)
	for r.tried.Add(1) <= r.appends {
		n := writer % raceStreams
		at := r.versions[n].Load()
		e := domain.ScraperPaused{AboutScraper: domain.AboutScraper{Scraper: fmt.Sprintf("shop-%d", n), At: time.Now().UTC()}}
		_, err := r.store.Append(ctx, eventstore.Append{Stream: e.Stream(), Expected: at, Events: []eventstore.NewEvent{{Event: e}}})
		if err == nil {
			r.won.Add(1)
			r.versions[n].CompareAndSwap(at, at+1)
		} else if !errors.Is(err, eventstore.ErrConflict) {
			return err
		}
	}
	return nil
}

// follow reads the log as it grows, up to its end.
func (r *race) follow(ctx context.Context) error {
	for {
		over := r.ended.Load() == racers
		records, err := r.store.Read(ctx, eventstore.Query{After: r.seen, Limit: 1000})
		if err != nil {
			return err
		}
		for _, record := range records {
			r.skipped += record.Position - r.seen - 1
			r.seen = record.Position
		}
		if over && len(records) == 0 {
			return nil
		}
	}
}

// BenchmarkGrowth appends to a large and to a small log in turns, and reports
// what an event takes on the disk beside the row itself.
func BenchmarkGrowth(b *testing.B) {
	const writers = 8
	eventstoretest.EachBench(b, func(b *testing.B, database func(testing.TB) eventstoretest.Database) {
		small := database(b).Open(b)
		if err := rivals.Fill(b.Context(), small, *benchEvents/100); err != nil {
			b.Fatal(err)
		}
		large := rivals.Log(b, small.Dialect(), *benchEvents).Open(b)
		reportDisk(b, large)
		ours, other := appends(large, writers), appends(small, writers)
		other.Name = "small"
		rivals.Contest(b, writers, ours, other)
	})
}

func reportDisk(b *testing.B, s *eventstore.Store) {
	b.Helper()
	size := `SELECT (SELECT page_count FROM pragma_page_count()) * (SELECT page_size FROM pragma_page_size())`
	row := `SELECT avg(length(stream) + length(id) + length(type) + length(data) + length(metadata) + 12) FROM (SELECT * FROM events LIMIT 1000)`
	if s.Dialect() == eventstore.Postgres {
		size = `SELECT pg_total_relation_size('events')`
		row = `SELECT avg(pg_column_size(e.*)) FROM (SELECT * FROM events LIMIT 1000) e`
	}
	head, err := s.Head(b.Context())
	var total int64
	var each sql.NullFloat64
	err = errors.Join(err, s.Reader().QueryRowContext(b.Context(), size).Scan(&total), s.Reader().QueryRowContext(b.Context(), row).Scan(&each))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(total)/float64(head)/each.Float64, "x-row")
}
