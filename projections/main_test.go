package projections

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

func TestMain(m *testing.M) { os.Exit(eventstoretest.Main(m)) }

// testLog is a log and the projections that follow it.
type testLog struct {
	testing.TB
	*eventstore.Store
	*Queries
	versions map[string]int64
}

// onEach runs a test on both databases, with the projections' tables made.
func onEach(t *testing.T, test func(t *testing.T, log *testLog)) {
	t.Helper()
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) { test(t, open(t, db)) })
}

func open(t testing.TB, db eventstoretest.Database) *testLog {
	t.Helper()
	store := db.Open(t)
	if err := Ensure(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	return &testLog{TB: t, Store: store, Queries: NewQueries(store), versions: map[string]int64{}}
}

// append writes events to the log without asking whether they make sense.
func (l *testLog) append(events ...domain.Event) {
	l.Helper()
	err := l.InTx(l.Context(), func(ctx context.Context, _ *sql.Tx) error {
		for _, e := range events {
			_, err := l.Store.Append(ctx, eventstore.Append{
				Stream: e.Stream(), Expected: l.versions[e.Stream()], Events: []eventstore.NewEvent{{Event: e}},
			})
			if err != nil {
				return err
			}
			l.versions[e.Stream()]++
		}
		return nil
	})
	if err != nil {
		l.Fatal(err)
	}
}

// given writes events and has every projection follow them.
func (l *testLog) given(events ...domain.Event) {
	l.Helper()
	l.append(events...)
	l.follow()
}

// follow applies, as the feed does, what each projection has not seen: event by
// event, with the offset in the same transaction.
func (l *testLog) follow() {
	l.Helper()
	for _, p := range All() {
		if err := l.followOne(p); err != nil {
			l.Fatal(err)
		}
	}
}

func (l *testLog) followOne(p Projection) error {
	return l.InTx(l.Context(), func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, statement("offset.lock"), eventstore.Topic, p.Name()); err != nil {
			return err
		}
		offset, err := l.Offset(ctx, p.Name())
		if err != nil {
			return err
		}
		records, err := l.Read(ctx, eventstore.Query{After: offset})
		if err != nil {
			return err
		}
		if err := l.apply(ctx, p, records...); err != nil || len(records) == 0 {
			return err
		}
		_, err = tx.ExecContext(ctx, statement("offset.set"), eventstore.Topic, p.Name(), records[len(records)-1].Position)
		return err
	})
}

// apply has a projection see recorded events, whatever it has seen before.
func (l *testLog) apply(ctx context.Context, p Projection, records ...eventstore.Recorded) error {
	return l.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, rec := range records {
			e, err := rec.Event()
			if err == nil {
				err = p.Apply(ctx, tx, rec, e)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// exec runs a statement in a transaction of its own.
func (l *testLog) exec(query string, args ...any) {
	l.Helper()
	err := l.InTx(l.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
	if err != nil {
		l.Fatal(err)
	}
}

// dump is every row of every projection, byte for byte.
func (l *testLog) dump() string {
	l.Helper()
	var b strings.Builder
	for _, p := range All() {
		for _, table := range p.tables {
			if err := l.dumpTable(&b, table); err != nil {
				l.Fatal(err)
			}
		}
	}
	return b.String()
}

func (l *testLog) dumpTable(b *strings.Builder, table string) error {
	rows, err := l.Reader().QueryContext(l.Context(), "SELECT * FROM "+table+" ORDER BY 1")
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			return err
		}
		b.WriteString(table)
		for i, column := range columns {
			fmt.Fprintf(b, " %s=%#v", column, *values[i].(*any))
		}
		b.WriteString("\n")
	}
	return rows.Err()
}

// same compares two dumps and shows the first lines that differ.
func same(t testing.TB, what, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(gotLines), len(wantLines)) {
		if gotLines[i] != wantLines[i] {
			t.Fatalf("%s: row %d\n got %s\nwant %s", what, i, gotLines[i], wantLines[i])
		}
	}
	t.Fatalf("%s: got %d rows, want %d", what, len(gotLines), len(wantLines))
}

// Constants of the stories.
var (
	runA, runB = uuid.MustParse("00000000-0000-7000-8000-00000000000a"), uuid.MustParse("00000000-0000-7000-8000-00000000000b")
	zero       uuid.UUID
	noon       = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
)

func at(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }

func about(run uuid.UUID, seconds float64) domain.AboutRun {
	return domain.AboutRun{RunID: run, Scraper: "shop", At: at(seconds)}
}

func aboutShop(seconds float64) domain.AboutScraper {
	return domain.AboutScraper{Scraper: "shop", At: at(seconds)}
}

func started(run uuid.UUID, seconds float64) domain.RunStarted {
	return domain.RunStarted{AboutRun: about(run, seconds), Trigger: domain.TriggerManual, Instance: "i1"}
}

func lost(run uuid.UUID, seconds float64) domain.ConnectionLost {
	return domain.ConnectionLost{
		AboutRun: about(run, seconds), Link: domain.LinkScraper, Phase: domain.PhaseStreaming, Cause: domain.CauseReset,
		Detail: "connection reset by peer", LastHeardAt: at(seconds - 0.5), Received: domain.Received{Events: 3, Bytes: 120},
	}
}

func restored(run uuid.UUID, seconds float64) domain.ConnectionRestored {
	return domain.ConnectionRestored{AboutRun: about(run, seconds), Link: domain.LinkScraper, DownForMS: 2000, NoticedBy: domain.NoticedByProbe}
}

func recovers(run, lostRun uuid.UUID, seconds float64) domain.RunStarted {
	e := started(run, seconds)
	e.Trigger, e.Recovers = domain.TriggerRecovery, lostRun
	return e
}

func completed(run uuid.UUID, seconds float64, items int64) domain.RunCompleted {
	return domain.RunCompleted{AboutRun: about(run, seconds), Items: items, DurationMS: int64(seconds * 1000)}
}

func configured(seconds float64) domain.ScraperConfigured {
	config := domain.DefaultScraperConfig()
	config.Name, config.URL, config.Schedule = "shop", "http://127.0.0.1:9090/scrapes/shop", "@every 15m"
	return domain.ScraperConfigured{AboutScraper: aboutShop(seconds), Source: domain.SourceFile, Config: config}
}
