package eventstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// page is how many events are read at once when the whole log is read.
const page = 1000

// Query selects events of the log.
type Query struct {
	After, Until int64    // positions: after is exclusive, until inclusive; 0: open
	Types        []string // wire names; none: all
	Stream       string   // empty: all
	Limit        int      // 0: all
	Bytes        int      // the event that brings their sizes to it is the last; 0: no bound
	Backward     bool     // newest first
}

// Read returns the selected events in log order, or backward. It reads in the
// transaction of ctx if there is one.
func (s *Store) Read(ctx context.Context, q Query) ([]Recorded, error) {
	return read(ctx, s.From(ctx), q)
}

func read(ctx context.Context, from Querier, q Query) ([]Recorded, error) {
	query, args := q.sql()
	if q.Bytes == 0 {
		return Select(ctx, from, "read", scanRecorded, query, args...)
	}
	var records []Recorded
	size := 0
	err := EachRow(ctx, from, query, args, func(row Scanner) error {
		r, err := scanRecorded(row)
		if err != nil {
			return err
		}
		if records, size = append(records, r), size+r.Size(); size >= q.Bytes {
			return ErrEnough
		}
		return nil
	})
	return records, Unavailable(ctx, "read", err)
}

// Last says whether records, which q has read, end where the selected events do:
// neither Limit nor Bytes has cut them.
func (q Query) Last(records []Recorded) bool {
	size := 0
	for _, r := range records {
		size += r.Size()
	}
	return (q.Limit == 0 || len(records) < q.Limit) && (q.Bytes == 0 || size < q.Bytes)
}

func (q Query) sql() (string, []any) {
	var args []any
	arg := func(value any) string {
		args = append(args, value)
		return fmt.Sprintf("$%d", len(args))
	}
	position, kind := "position", "type"
	if q.Stream != "" {
		// Without statistics SQLite would take the index by type and position, and
		// walk over the events of every other stream: an expression keeps it from that.
		position, kind = "position + 0", "type || ''"
	}
	where := []string{position + " > " + arg(q.After)}
	if q.Until > 0 {
		where = append(where, position+" <= "+arg(q.Until))
	}
	if q.Stream != "" {
		where = append(where, "stream = "+arg(q.Stream))
	}
	if len(q.Types) > 0 {
		in := make([]string, len(q.Types))
		for i, t := range q.Types {
			in[i] = arg(t)
		}
		where = append(where, kind+" IN ("+strings.Join(in, ", ")+")")
	}
	order := "position"
	if q.Stream != "" {
		order = "version" // the same order, by the index that finds the stream
	}
	query := eventsWhere + strings.Join(where, " AND ") + ` ORDER BY ` + order
	if q.Backward {
		query += ` DESC`
	}
	if q.Limit > 0 {
		query += ` LIMIT ` + arg(q.Limit)
	}
	return query, args
}

// Payload is the part of an event that a fold needs.
type Payload struct {
	Position int64
	ID       uuid.UUID
	Type     string // wire name
	Data     []byte
}

// Payloads returns up to limit events after a position and up to another, in log
// order, in half the time that Read takes. It reads in the transaction of ctx if
// there is one.
func (s *Store) Payloads(ctx context.Context, after, until int64, limit int) ([]Payload, error) {
	return Select(ctx, s.From(ctx), "read", func(row Scanner) (p Payload, err error) {
		return p, row.Scan(&p.Position, &p.ID, &p.Type, &p.Data)
	}, `SELECT position, id, type, data FROM events WHERE position > $1 AND position <= $2 ORDER BY position LIMIT $3`, after, until, limit)
}

const eventsOfStream = eventsWhere + `stream = $1 AND version > $2 ORDER BY version`

// ReadStream returns the events of a stream after a version, in the transaction
// of ctx if there is one.
func (s *Store) ReadStream(ctx context.Context, stream string, afterVersion int64) ([]Recorded, error) {
	return Select(ctx, s.From(ctx), "read stream", scanRecorded, eventsOfStream, stream, afterVersion)
}

// ByPosition returns one event, or domain.ErrNotFound.
func (s *Store) ByPosition(ctx context.Context, position int64) (Recorded, error) {
	return SelectOne(ctx, s.From(ctx), fmt.Sprintf("event at position %d", position), scanRecorded, eventsWhere+`position = $1`, position)
}

// ByID returns the event with an id, or domain.ErrNotFound.
func (s *Store) ByID(ctx context.Context, id uuid.UUID) (Recorded, error) {
	return SelectOne(ctx, s.From(ctx), fmt.Sprintf("event %s", id), scanRecorded, eventsWhere+`id = $1`, id.String())
}

const eventsHead = `SELECT coalesce(max(position), 0) FROM events`

// Head returns the position of the newest event, 0 for an empty log.
func (s *Store) Head(ctx context.Context) (head int64, err error) {
	err = s.From(ctx).QueryRowContext(ctx, eventsHead).Scan(&head)
	return head, Unavailable(ctx, "head", err)
}

// firstSince halves the log until one position is left. Positions have no gaps and
// are in the order of time, so that no index on recorded_at is needed.
const firstSince = `
WITH RECURSIVE search (low, high) AS (
  SELECT CAST(1 AS bigint), coalesce(max(position), 0) + 1 FROM events
  UNION ALL
  SELECT CASE WHEN e.recorded_at < $1 THEN e.position + 1 ELSE low END,
         CASE WHEN e.recorded_at < $1 THEN high ELSE e.position END
  FROM search JOIN events AS e ON e.position = (low + high) / 2
  WHERE low < high)
SELECT max(low) FROM search`

// FirstSince returns the position of the first event that was recorded at a time or
// after it, one past the head if there is none.
func (s *Store) FirstSince(ctx context.Context, t time.Time) (position int64, err error) {
	micros := t.Add(time.Microsecond - 1).UnixMicro() // recorded_at is in whole microseconds
	err = s.From(ctx).QueryRowContext(ctx, firstSince, micros).Scan(&position)
	return position, Unavailable(ctx, "position of a time", err)
}

// SnapshotOptions are those of a read transaction that sees one state of the database.
func (s *Store) SnapshotOptions() *sql.TxOptions {
	if s.dialect == Postgres {
		return &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
	}
	return &sql.TxOptions{ReadOnly: true}
}

// Snapshot begins such a transaction.
func (s *Store) Snapshot(ctx context.Context) (*sql.Tx, error) {
	tx, err := s.read.BeginTx(ctx, s.SnapshotOptions())
	return tx, Unavailable(ctx, "read", err)
}

// each yields every event after a position, page by page.
func each(ctx context.Context, from Querier, after int64, yield func(Recorded) error) error {
	for {
		records, err := read(ctx, from, Query{After: after, Limit: page})
		if err != nil {
			return err
		}
		for _, r := range records {
			if err := yield(r); err != nil {
				return err
			}
		}
		if len(records) < page {
			return nil
		}
		after = records[len(records)-1].Position
	}
}
