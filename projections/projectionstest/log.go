// Package projectionstest has the logs that the tests of the projections tell, and
// applies them as the feed does.
package projectionstest

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

// Projection is a projections.Projection.
type Projection interface {
	Name() string
	Tables() []string
	Apply(ctx context.Context, tx *sql.Tx, rec eventstore.Recorded, e domain.Event) error
}

// Log is a log and the projections that follow it.
type Log struct {
	testing.TB
	*eventstore.Store
	Projections []Projection
	versions    map[string]int64
	made        uint32 // ids of events
}

// Open opens an empty log. ensure makes the tables of the projections.
func Open[P Projection](t testing.TB, db eventstoretest.Database, ensure func(context.Context, *eventstore.Store) error, all []P) *Log {
	t.Helper()
	l := &Log{TB: t, Store: db.Open(t), versions: map[string]int64{}}
	if err := ensure(t.Context(), l.Store); err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		l.Projections = append(l.Projections, p)
	}
	return l
}

const (
	lockOffset = `INSERT INTO consumer_offsets (topic, consumer_group) VALUES ($1, $2)
		ON CONFLICT (topic, consumer_group) DO UPDATE SET position = consumer_offsets.position`
	setOffset = `UPDATE consumer_offsets SET position = $3, blocked_by = NULL WHERE topic = $1 AND consumer_group = $2`
)

// SetOffset says that a projection has come to a position.
func (l *Log) SetOffset(group string, position int64) {
	l.Helper()
	l.Exec(setOffset, eventstore.Topic, group, position)
}

// Count is the number of rows of a table.
func (l *Log) Count(table string) (n int) {
	l.Helper()
	if err := l.Reader().QueryRowContext(l.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		l.Fatal(err)
	}
	return n
}

// Append writes events to the log without asking whether they make sense.
func (l *Log) Append(events ...domain.Event) {
	l.Helper()
	err := l.InTx(l.Context(), func(ctx context.Context, _ *sql.Tx) error {
		for _, e := range events {
			_, err := l.Store.Append(ctx, eventstore.Append{
				Stream: e.Stream(), Expected: l.versions[e.Stream()], Events: []eventstore.NewEvent{{ID: l.nextID(), Event: e}},
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

// nextID makes ids that are the same for the same events in every log, and ascend.
func (l *Log) nextID() uuid.UUID {
	l.made++
	id := uuid.UUID{6: 0x70, 8: 0x80} // version 7
	binary.BigEndian.PutUint32(id[2:6], l.made)
	return id
}

// Given writes events and has every projection follow them.
func (l *Log) Given(events ...domain.Event) {
	l.Helper()
	l.Append(events...)
	l.Follow()
}

// Follow applies, as the feed does, what each projection has not seen: event by
// event, with the offset in the same transaction.
func (l *Log) Follow() {
	l.Helper()
	for _, p := range l.Projections {
		if err := l.FollowOne(p); err != nil {
			l.Fatal(err)
		}
	}
}

// FollowOne has one projection follow the log.
func (l *Log) FollowOne(p Projection) error {
	return l.InTx(l.Context(), func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, lockOffset, eventstore.Topic, p.Name()); err != nil {
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
		if err := l.Apply(ctx, p, records...); err != nil || len(records) == 0 {
			return err
		}
		_, err = tx.ExecContext(ctx, setOffset, eventstore.Topic, p.Name(), records[len(records)-1].Position)
		return err
	})
}

// Apply hands recorded events to a projection, also those that it has seen before.
func (l *Log) Apply(ctx context.Context, p Projection, records ...eventstore.Recorded) error {
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

// Exec runs a statement in a transaction of its own.
func (l *Log) Exec(query string, args ...any) {
	l.Helper()
	err := l.InTx(l.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
	if err != nil {
		l.Fatal(err)
	}
}

// Dump is every row of every projection, byte for byte.
func (l *Log) Dump() string {
	l.Helper()
	var b strings.Builder
	for _, p := range l.Projections {
		for _, table := range p.Tables() {
			if err := l.dumpTable(&b, table); err != nil {
				l.Fatal(err)
			}
		}
	}
	return b.String()
}

func (l *Log) dumpTable(b *strings.Builder, table string) error {
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

// Same compares two dumps and shows the first lines that differ.
func Same(t testing.TB, what, got, want string) {
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
