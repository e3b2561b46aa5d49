package proof

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/eventstore"
)

const (
	// How many events come after a position, and the last of them.
	eventsTail = `SELECT count(*), coalesce(max(position), 0) FROM events WHERE position > $1`
	// A stream of the tail whose versions are not 1, 2, 3 …
	eventsHoles = `SELECT stream, max(version), count(*) FROM events
WHERE stream IN (SELECT stream FROM events WHERE position > $1)
GROUP BY stream
HAVING max(version) <> count(*) OR min(version) <> 1
LIMIT 1`
	// What the canonical bytes are made of, as it is stored: one text, in parts that
	// scanText takes apart. A NULL is damage, and must not take the rest with it: concat
	// reads it as no text.
	eventsPageSQLite = `SELECT concat(position, ' ', version, ' ', recorded_at, ' ', octet_length(metadata), char(0), stream, char(0), id, char(0), type, char(0), metadata, data)
FROM events
WHERE position > $1 AND position <= $2
ORDER BY position
LIMIT $3`
	// What the canonical bytes are made of, as it is stored.
	eventsPagePostgres = `SELECT position, stream, version, id::text, type, recorded_at, metadata::text, data::text
FROM events
WHERE position > $1 AND position <= $2
ORDER BY position
LIMIT $3`
	// $2 holds hashes end to end, those of $3 rows.
	hashesAddSQLite = `WITH RECURSIVE n (k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM n WHERE k + 1 < $3)
INSERT INTO log_hashes (i, hashes) SELECT $1 + k * 32, substr($2, k * 1024 + 1, 1024) FROM n`
	// $2 holds hashes end to end, those of $3 rows.
	hashesAddPostgres = `INSERT INTO log_hashes (i, hashes)
SELECT $1::bigint + k * 32, substring($2::bytea FROM k * 1024 + 1 FOR 1024) FROM generate_series(0, $3::int - 1) AS k`
	// The last row is written again when it grows. Hashes that no checkpoint covers prove
	// nothing and go too.
	hashesCut  = `DELETE FROM log_hashes WHERE i >= $1`
	hashesPage = `SELECT i, hashes FROM log_hashes WHERE i >= $1 AND i < $2 ORDER BY i`
	// How many rows, where the last begins, and how many hashes it has.
	hashesSpan = `SELECT count(*), coalesce(max(i), 0), coalesce((SELECT length(hashes) / 32 FROM log_hashes ORDER BY i DESC LIMIT 1), 0)
FROM log_hashes`
	checkpointsAdd = `INSERT INTO log_checkpoints (number, note, sealed_at)
SELECT coalesce(max(number), 0) + 1, $1, $2 FROM log_checkpoints`
	checkpointsClear = `DELETE FROM log_checkpoints`
	checkpointsGet   = `SELECT note FROM log_checkpoints WHERE number = $1`
	checkpointsLast  = `SELECT number, note, sealed_at FROM log_checkpoints ORDER BY number DESC LIMIT 1`
	// The newest two checkpoints of one file outside; with an empty mark, of any.
	checkpointsNewest = `SELECT note FROM (SELECT number, note FROM log_checkpoints ORDER BY number DESC LIMIT 10000) AS newest
WHERE $2 = '' OR note LIKE $1
ORDER BY number DESC LIMIT 2`
	checkpointsList = `SELECT number, note, sealed_at FROM log_checkpoints ORDER BY number`
)

// snapshot is a read transaction that sees one state of the database, and its connection.
type snapshot struct {
	*sql.Tx
	conn    *sql.Conn
	dialect eventstore.Dialect
}

func newSnapshot(ctx context.Context, store *eventstore.Store) (*snapshot, error) {
	conn, err := store.Reader().Conn(ctx)
	if err != nil {
		return nil, unavailable(ctx, "read", err)
	}
	tx, err := conn.BeginTx(ctx, store.SnapshotOptions())
	if err != nil {
		return nil, unavailable(ctx, "read", errors.Join(err, conn.Close()))
	}
	return &snapshot{tx, conn, store.Dialect()}, nil
}

// close ends the transaction and returns its connection to the pool.
func (s *snapshot) close() {
	_ = s.Rollback()
	_ = s.conn.Close()
}

// perRow is how many hashes a row of log_hashes has.
const perRow = 32

// rowOf is the index of the first hash in the row of another.
func rowOf(i int64) int64 { return i - i%perRow }

// storedHashes reads log_hashes for tlog.
type storedHashes struct {
	ctx context.Context
	q   eventstore.Querier
}

var errHashMissing = errors.New("a stored hash is missing")

// ReadHashes implements tlog.HashReader. The error is errHashMissing when one of
// them is not there.
func (s storedHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	if len(indexes) == 0 {
		return nil, nil
	}
	args, places := make([]any, len(indexes)), make([]string, len(indexes))
	for n, i := range indexes {
		args[n], places[n] = rowOf(i), fmt.Sprintf("$%d", n+1)
	}
	found := map[int64][]byte{}
	query := `SELECT i, hashes FROM log_hashes WHERE i IN (` + strings.Join(places, ", ") + `)`
	err := eventstore.EachRow(s.ctx, s.q, query, args, func(row eventstore.Scanner) error {
		var i int64
		var hashes []byte
		err := row.Scan(&i, &hashes)
		found[i] = hashes
		return err
	})
	if err != nil {
		return nil, unavailable(s.ctx, "stored hashes", err)
	}
	hashes := make([]tlog.Hash, len(indexes))
	for n, i := range indexes {
		row, at := found[rowOf(i)], i%perRow*tlog.HashSize
		if int64(len(row)) < at+tlog.HashSize {
			return nil, errHashMissing
		}
		copy(hashes[n][:], row[at:])
	}
	return hashes, nil
}

// read returns the hashes with from ≤ i < to, without holes: one that is missing
// is zero, which no hash is.
func (s storedHashes) read(from, to int64, into []tlog.Hash) ([]tlog.Hash, error) {
	hashes := slices.Grow(into[:0], int(to-from))[:to-from]
	clear(hashes)
	var i int64
	var stored sql.RawBytes
	err := eventstore.EachRow(s.ctx, s.q, hashesPage, []any{rowOf(from), to}, func(row eventstore.Scanner) error {
		err := row.Scan(&i, &stored)
		for ; len(stored) >= tlog.HashSize && i < to; i, stored = i+1, stored[tlog.HashSize:] {
			if i >= from {
				copy(hashes[i-from][:], stored)
			}
		}
		return err
	})
	return hashes, unavailable(s.ctx, "read hashes", err)
}

// span is how many hashes are stored. Scattered: they do not stand in one row
// after the other, and it counts those that would.
func (s storedHashes) span() (span int64, scattered bool, err error) {
	var rows, last, length int64
	if err := s.q.QueryRowContext(s.ctx, hashesSpan).Scan(&rows, &last, &length); err != nil || rows == 0 {
		return 0, false, unavailable(s.ctx, "stored hashes", err)
	}
	full := (rows - 1) * perRow
	return full + length, last != full, nil
}

// frontier reads the end of the tree of the given size.
func (s storedHashes) frontier(size int64) (*frontier, error) {
	roots, err := s.ReadHashes(frontierIndexes(size))
	return &frontier{size, roots}, err
}

// storedCheckpoint is a row of log_checkpoints; number 0: there is none.
type storedCheckpoint struct {
	Checkpoint
	number   int64
	note     string
	sealedAt time.Time
}

// Newest returns the newest checkpoint in the database and its signed note,
// which is empty when there is none. Nothing is verified.
func Newest(ctx context.Context, store *eventstore.Store) (Checkpoint, string, error) {
	last, err := lastStored(ctx, store.Reader())
	return last.Checkpoint, last.note, err
}

// lastStored reads the newest row. A note that is no checkpoint is
// errNoCheckpoint.
func lastStored(ctx context.Context, q eventstore.Querier) (last storedCheckpoint, err error) {
	err = q.QueryRowContext(ctx, checkpointsLast).Scan(&last.number, &last.note, eventstore.Micros{To: &last.sealedAt})
	if errors.Is(err, sql.ErrNoRows) {
		return storedCheckpoint{}, nil
	}
	if err != nil {
		return last, unavailable(ctx, "checkpoint", err)
	}
	last.Checkpoint, err = parseCheckpoint(last.note)
	return last, err
}

// putHashes writes whole rows from index i on, in place of what is there.
func putHashes(ctx context.Context, tx *sql.Tx, dialect eventstore.Dialect, i int64, hashes []tlog.Hash) error {
	if _, err := tx.ExecContext(ctx, hashesCut, i); err != nil || len(hashes) == 0 {
		return unavailable(ctx, "store hashes", err)
	}
	flat := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		flat = append(flat, h[:]...)
	}
	rows := (len(hashes) + perRow - 1) / perRow
	_, err := tx.ExecContext(ctx, dialect.Pick(hashesAddSQLite, hashesAddPostgres), i, flat, rows)
	return unavailable(ctx, "store hashes", err)
}

func putCheckpoint(ctx context.Context, tx *sql.Tx, signed string, at time.Time) error {
	_, err := tx.ExecContext(ctx, checkpointsAdd, signed, at.UnixMicro())
	return unavailable(ctx, "store checkpoint", err)
}
