package eventstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"scrapelog/domain"
)

// Stored is an event exactly as it is stored.
type Stored struct {
	Position   int64  `json:"position"`
	Stream     string `json:"stream"`
	Version    int64  `json:"version"`
	ID         string `json:"id"`
	Type       string `json:"type"`
	RecordedAt int64  `json:"recorded_at"` // unix microseconds
	Metadata   string `json:"metadata"`    // the stored bytes
	Data       string `json:"data"`        // likewise
}

const eventsImport = `INSERT INTO events (position, stream, version, id, type, recorded_at, data, metadata)
SELECT position, stream, version, id::uuid, type, recorded_at, data::json, metadata::json
FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[])
  AS e (position, stream, version, id, type, recorded_at, data, metadata)
ORDER BY position`

// holdGroup sets the offset of a group.
const holdGroup = `INSERT INTO consumer_offsets (topic, consumer_group, position) VALUES ($1, $2, $3)
ON CONFLICT (topic, consumer_group) DO UPDATE SET position = excluded.position, blocked_by = NULL`

// Import puts events that come next into the log as they are, in one transaction. Guards
// and offsets follow when [Store.EndImport] is called. Until then the offsets of
// reactions lie at end, the last position of the whole import, plus one: past the end of
// the log, so that no server is ready with a part of it and nothing is reacted to twice.
// Nothing may serve the database meanwhile; see [Store.Maintain]. The error is
// domain.ErrConflict when the log does not end right before the events.
func (s *Store) Import(ctx context.Context, events []Stored, end int64, reactions []string) error {
	return s.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := s.lockLog(ctx, tx); err != nil {
			return err
		}
		var head int64
		if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(position), 0) FROM events`).Scan(&head); err != nil {
			return Unavailable(ctx, "head", err)
		}
		if head != events[0].Position-1 {
			return fmt.Errorf("%w: the log ends at position %d, and the next event to import is %d", domain.ErrConflict, head, events[0].Position)
		}
		for _, group := range reactions {
			if _, err := tx.ExecContext(ctx, holdGroup, Topic, group, end+1); err != nil {
				return Unavailable(ctx, "hold "+group, err)
			}
		}
		var err error
		if s.dialect == Postgres {
			err = importPostgres(ctx, tx, events)
		} else {
			err = onWriter(txOf(ctx).conn, func(w *sqliteWriter) error { return importSQLite(w, events) })
		}
		return Unavailable(ctx, "import", err)
	})
}

// importRows is how many rows one INSERT of an import has. For each statement SQLite
// keeps every page that it changes as it was before; rows of a log mostly change the
// same few.
const importRows = 200

var eventsImportMany = eventsInsert + strings.Repeat(", "+eventsRow, importRows-1)

func importSQLite(w *sqliteWriter, events []Stored) error {
	args := make([]any, 0, 8*len(events))
	for _, e := range events {
		args = append(args, e.Position, e.Stream, e.Version, e.ID, e.Type, e.RecordedAt, e.Data, e.Metadata)
	}
	return insertRows(w, args, eventsImportMany, importRows)
}

func importPostgres(ctx context.Context, tx Querier, events []Stored) error {
	var positions, versions, times []int64
	var streams, ids, types, datas, metadatas []string
	for _, e := range events {
		positions, versions, times = append(positions, e.Position), append(versions, e.Version), append(times, e.RecordedAt)
		streams, ids, types = append(streams, e.Stream), append(ids, e.ID), append(types, e.Type)
		datas, metadatas = append(datas, e.Data), append(metadatas, e.Metadata)
	}
	_, err := tx.ExecContext(ctx, eventsImport, positions, streams, versions, ids, types, times, datas, metadatas)
	return err
}

// EndImport makes guards and offsets what the whole log says: a reaction is given again
// only what may not have been reacted to.
func (s *Store) EndImport(ctx context.Context) error {
	_, err := s.RepairGuards(ctx, nil)
	return err
}
