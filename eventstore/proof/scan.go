package proof

import (
	"context"
	"database/sql"

	"golang.org/x/mod/sumdb/tlog"

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

// readLeaves adds up to limit events after a position.
func readLeaves(ctx context.Context, q querier, dialect eventstore.Dialect, after int64, limit int, into *leaves) error {
	rows, err := q.QueryContext(ctx, pick(dialect, eventsPageSQLite, eventsPagePostgres), after, limit)
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

// page is how many rows are read at once by whoever reads everything.
const page = 1024

// produceLeaves sends every event after a position, in pages, until there are no
// more. Pages come back through free to be used again.
func produceLeaves(ctx context.Context, q querier, dialect eventstore.Dialect, after int64, free, out chan *leaves) error {
	defer close(out)
	whole := context.WithoutCancel(ctx) // a context that may end costs a goroutine per statement on SQLite
	for {
		var l *leaves
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case l = <-free:
		}
		l.reset()
		if err := readLeaves(whole, q, dialect, after, page, l); err != nil {
			return err
		}
		n := l.len()
		if n > 0 {
			after = l.at(n - 1).position()
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case out <- l:
		}
		if n < page {
			return nil
		}
	}
}

// produceHashes sends the stored hashes with from ≤ i < to, without holes: one
// that is missing is zero, which no hash is.
func produceHashes(ctx context.Context, q querier, from, to int64, out chan<- []tlog.Hash) error {
	defer close(out)
	whole := context.WithoutCancel(ctx)
	for from < to {
		until := min(to, from+4*page)
		hashes, err := readHashes(whole, q, from, until)
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case out <- hashes:
		}
		from = until
	}
	return nil
}

func readHashes(ctx context.Context, q querier, from, to int64) ([]tlog.Hash, error) {
	rows, err := q.QueryContext(ctx, hashesPage, from, to)
	if err != nil {
		return nil, unavailable(ctx, "read hashes", err)
	}
	defer rows.Close()
	hashes := make([]tlog.Hash, to-from)
	var i int64
	var hash sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&i, &hash); err != nil {
			return nil, unavailable(ctx, "read hashes", err)
		}
		if len(hash) == tlog.HashSize {
			copy(hashes[i-from][:], hash)
		}
	}
	return hashes, unavailable(ctx, "read hashes", rows.Err())
}

// hashQueue hands out what produceHashes sends, one by one.
type hashQueue struct {
	in   <-chan []tlog.Hash
	page []tlog.Hash
}

// next is the zero hash after the last.
func (q *hashQueue) next() (h tlog.Hash) {
	for len(q.page) == 0 {
		var more bool
		if q.page, more = <-q.in; !more {
			return h
		}
	}
	h, q.page = q.page[0], q.page[1:]
	return h
}
