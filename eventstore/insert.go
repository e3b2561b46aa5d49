package eventstore

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

var (
	//go:embed sql/sqlite/events.insert.sql
	eventsInsertSQLite string
	//go:embed sql/postgres/events.insert.sql
	eventsInsertPostgres string
)

// errMoved: the log does not end where the rows were to begin.
var errMoved = errors.New("the log has moved on")

// insert writes rows and the guards that they move. The log's lock is held.
func (s *Store) insert(ctx context.Context, tx Querier, records []Recorded, moved map[string]domain.Guard) error {
	if len(records) == 0 {
		return nil
	}
	if s.dialect == SQLite {
		return insertSQLite(ctx, tx, records, moved)
	}
	args, err := insertArgs(records, moved)
	if err != nil {
		return err
	}
	var written int
	if err := tx.QueryRowContext(ctx, eventsInsertPostgres, args...).Scan(&written); err != nil {
		return err
	}
	if written != len(records) {
		return errMoved
	}
	return nil
}

func insertSQLite(ctx context.Context, tx Querier, records []Recorded, moved map[string]domain.Guard) error {
	for _, r := range records {
		metadata, err := json.Marshal(r.Metadata)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, eventsInsertSQLite, r.Position, r.Stream, r.Version, r.ID.String(), r.Type,
			r.RecordedAt.UnixMicro(), string(r.Data), string(metadata))
		if err != nil {
			return err
		}
	}
	for _, g := range moved {
		if _, err := tx.ExecContext(ctx, guardPut, guardRowOf(g).values()...); err != nil {
			return err
		}
	}
	return nil
}

// insertArgs are a group's rows as arrays, and its guards as JSON.
func insertArgs(records []Recorded, moved map[string]domain.Guard) ([]any, error) {
	n := len(records)
	positions, versions, times := make([]int64, n), make([]int64, n), make([]int64, n)
	streams, ids, types := make([]string, n), make([]string, n), make([]string, n)
	data, metadata := make([]string, n), make([]string, n)
	for i, r := range records {
		positions[i], versions[i], times[i] = r.Position, r.Version, r.RecordedAt.UnixMicro()
		streams[i], ids[i], types[i], data[i] = r.Stream, r.ID.String(), r.Type, string(r.Data)
		flat, err := json.Marshal(r.Metadata)
		if err != nil {
			return nil, err
		}
		metadata[i] = string(flat)
	}
	guards := make([]guardRow, 0, len(moved))
	for _, g := range moved {
		guards = append(guards, guardRowOf(g))
	}
	rows, err := json.Marshal(guards)
	return []any{positions, streams, versions, ids, types, times, data, metadata, string(rows)}, err
}

// guardRow has the columns of scraper_guard.
type guardRow struct {
	Scraper  string  `json:"scraper"`
	OpenRun  *string `json:"open_run"`
	Instance string  `json:"instance"`
	LostRun  *string `json:"lost_run"`
	Restored bool    `json:"restored"`
	Paused   bool    `json:"paused"`
	Removed  bool    `json:"removed"`
	LastDue  *int64  `json:"last_due"` // unix nanoseconds
	Gap      string  `json:"gap"`

	SuccessWithin int64  `json:"success_within"` // nanoseconds
	ExpectedSince *int64 `json:"expected_since"` // unix nanoseconds, as the next two
	LastSuccess   *int64 `json:"last_success"`
	OverdueSince  *int64 `json:"overdue_since"`
}

// values are the columns in the order of guardColumns.
func (r guardRow) values() []any {
	return []any{r.Scraper, r.OpenRun, r.Instance, r.LostRun, r.Restored, r.Paused, r.Removed, r.LastDue, r.Gap,
		r.SuccessWithin, r.ExpectedSince, r.LastSuccess, r.OverdueSince}
}

func guardRowOf(g domain.Guard) guardRow {
	return guardRow{
		Scraper: g.Scraper, OpenRun: orNull(g.OpenRun), Instance: g.Instance, LostRun: orNull(g.LostRun),
		Restored: g.Restored, Paused: g.Paused, Removed: g.Removed, LastDue: nanos(g.LastDue), Gap: string(g.Gap),
		SuccessWithin: int64(g.Expect.Within), ExpectedSince: nanos(g.Expect.Since),
		LastSuccess: nanos(g.Expect.LastSuccess), OverdueSince: nanos(g.Expect.OverdueSince),
	}
}

// nanos returns the column of a time; nil for the zero time.
func nanos(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	ns := t.UnixNano()
	return &ns
}

func orNull(id uuid.UUID) *string {
	if id == uuid.Nil {
		return nil
	}
	text := id.String()
	return &text
}
