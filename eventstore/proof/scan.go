package proof

import (
	"context"
	"database/sql"

	"scrapelog/eventstore"
)

// leaves are events in log order, ready to be hashed. They share one buffer.
type leaves struct {
	buffer []byte
	ends   []int
}

func (l *leaves) reset() { l.buffer, l.ends = l.buffer[:0], l.ends[:0] }

func (l *leaves) add(e Event) {
	l.buffer = appendLeaf(l.buffer, e)
	l.ends = append(l.ends, len(l.buffer))
}

func (l *leaves) len() int { return len(l.ends) }

func (l *leaves) at(n int) leaf {
	start := 0
	if n > 0 {
		start = l.ends[n-1]
	}
	return leaf(l.buffer[start:l.ends[n]])
}

// readLeaves adds up to limit events after a position and up to another.
func readLeaves(ctx context.Context, q querier, dialect eventstore.Dialect, after, until int64, limit int, into *leaves) error {
	rows, err := q.QueryContext(ctx, pick(dialect, eventsPageSQLite, eventsPagePostgres), after, until, limit)
	if err != nil {
		return unavailable(ctx, "read events", err)
	}
	defer rows.Close()
	var row eventRow
	for rows.Next() {
		if err := row.scan(rows); err != nil {
			return unavailable(ctx, "read events", err)
		}
		into.add(row.event())
	}
	return unavailable(ctx, "read events", rows.Err())
}

// eventRow takes what an owner of the database may have put there: NULLs are
// damage to be found, not an error.
type eventRow struct {
	position                     int64
	version, recordedAt          sql.NullInt64
	stream, id, kind, meta, data sql.NullString
}

func (r *eventRow) scan(rows *sql.Rows) error {
	return rows.Scan(&r.position, &r.stream, &r.version, &r.id, &r.kind, &r.recordedAt, &r.meta, &r.data)
}

func (r *eventRow) event() Event {
	return Event{
		Position: r.position, Stream: r.stream.String, Version: r.version.Int64, ID: r.id.String, Type: r.kind.String,
		RecordedAt: r.recordedAt.Int64, Metadata: r.meta.String, Data: r.data.String,
	}
}
