package proof

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

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

// addRaw adds a row of eventsPagePostgres as PostgreSQL sends it: its numbers are
// already in the encoding of the canonical bytes. A NULL is damage to be found, and
// reads as zero or as no text.
func (l *leaves) addRaw(columns [][]byte) {
	b := append(append(l.buffer, leafPrefix), canonicalTag...)
	for i, column := range columns {
		if number := i == 0 || i == 2 || i == 5; number && len(column) != 8 {
			column = make([]byte, 8)
		}
		b = appendText(b, column)
	}
	l.buffer = b
	l.ends = append(l.ends, len(b))
}

func (l *leaves) len() int { return len(l.ends) }

func (l *leaves) at(n int) leaf {
	start := 0
	if n > 0 {
		start = l.ends[n-1]
	}
	return leaf(l.buffer[start:l.ends[n]])
}

// read adds up to limit events after a position and up to another.
func (l *leaves) read(ctx context.Context, s *snapshot, after, until int64, limit int) error {
	if s.dialect == eventstore.SQLite {
		return readEvents(ctx, s, s.dialect, after, until, limit, l.add)
	}
	err := eventstore.RawRows(ctx, s.conn, eventsPagePostgres, []any{after, until, limit}, l.addRaw)
	return unavailable(ctx, "read events", err)
}

// readEvents yields up to limit events after a position and up to another.
func readEvents(ctx context.Context, q eventstore.Querier, dialect eventstore.Dialect, after, until int64, limit int, yield func(Event)) error {
	rows, err := q.QueryContext(ctx, dialect.Pick(eventsPageSQLite, eventsPagePostgres), after, until, limit)
	if err != nil {
		return unavailable(ctx, "read events", err)
	}
	defer rows.Close()
	next := scanColumns
	if dialect == eventstore.SQLite {
		next = scanText
	}
	for rows.Next() {
		e, err := next(rows)
		if err != nil {
			return unavailable(ctx, "read events", err)
		}
		yield(e)
	}
	return unavailable(ctx, "read events", rows.Err())
}

// scanColumns takes what an owner of the database may have put there: NULLs are
// damage to be found, not an error.
func scanColumns(rows *sql.Rows) (e Event, err error) {
	var version, recordedAt sql.NullInt64
	var stream, id, kind, metadata, data sql.NullString
	err = rows.Scan(&e.Position, &stream, &version, &id, &kind, &recordedAt, &metadata, &data)
	e.Stream, e.Version, e.ID, e.Type = stream.String, version.Int64, id.String, kind.String
	e.RecordedAt, e.Metadata, e.Data = recordedAt.Int64, metadata.String, data.String
	return e, err
}

// scanText takes a row that SQLite has made one text of: each column costs as
// much as all the text in it. The parts are set apart by bytes that no event
// has; a row that has one reads as another event than was ever hashed.
func scanText(rows *sql.Rows) (e Event, err error) {
	var text string
	if err := rows.Scan(&text); err != nil {
		return e, err
	}
	var position, version, recordedAt, length string
	position, text, _ = strings.Cut(text, " ")
	version, text, _ = strings.Cut(text, " ")
	recordedAt, text, _ = strings.Cut(text, " ")
	length, text, _ = strings.Cut(text, separator)
	e.Stream, text, _ = strings.Cut(text, separator)
	e.ID, text, _ = strings.Cut(text, separator)
	e.Type, text, _ = strings.Cut(text, separator)
	e.Position, _ = strconv.ParseInt(position, 10, 64)
	e.Version, _ = strconv.ParseInt(version, 10, 64) // SQLite wrote them; anything else is damage
	e.RecordedAt, _ = strconv.ParseInt(recordedAt, 10, 64)
	n, _ := strconv.Atoi(length)
	n = min(max(n, 0), len(text))
	e.Metadata, e.Data = text[:n], text[n:]
	return e, nil
}

const separator = "\x00"
