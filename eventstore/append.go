package eventstore

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

var (
	//go:embed sql/events.head.sql
	eventsHead string
	//go:embed sql/sqlite/events.insert.sql
	eventsInsertSQLite string
	//go:embed sql/postgres/events.insert.sql
	eventsInsertPostgres string
)

// logLock is the advisory lock under which positions are given out. Changing it
// lets an older program append beside a newer one.
const logLock int64 = 0x7363726170656c67

// Append is what is to be written: all of it or nothing.
type Append struct {
	Stream   string
	Expected int64         // the stream's version; 0: it must not exist
	Guard    *domain.Guard // nil: not checked; else the scraper's guard row must equal it
	Events   []NewEvent    // all of this stream

	settle bool // an id may be in the log already
}

// Append writes the events at the end of their stream and of the log and moves
// the guard rows of their scrapers. It joins the transaction in ctx if there is
// one, which then holds the log's lock until it ends: append last. ErrConflict
// leaves such a transaction usable.
//
// Once begun, an append of its own is not cut short by ctx. When a commit's
// answer is lost it is tried again with the same ids, which tells what became
// of it.
func (s *Store) Append(ctx context.Context, a Append) ([]Recorded, error) {
	if len(a.Events) == 0 {
		return nil, nil
	}
	records, err := a.prepare()
	if err != nil {
		return nil, err
	}
	if _, joined := TxFrom(ctx); joined {
		return s.record(ctx, a, records)
	}
	for attempt := 0; ; attempt++ {
		err = s.InTx(ctx, func(tctx context.Context, _ *sql.Tx) (err error) {
			done, err := s.record(context.WithoutCancel(tctx), a, records)
			if err == nil {
				records = done
			}
			return err
		})
		var lost *commitError
		if !errors.As(err, &lost) || attempt == 3 || !pause(ctx, 50*time.Millisecond<<attempt) {
			break
		}
		a.settle = true
	}
	if err != nil {
		return nil, err
	}
	return records, nil
}

// prepare is everything about the rows that is known before the lock is taken.
func (a *Append) prepare() ([]Recorded, error) {
	records := make([]Recorded, len(a.Events))
	now := time.Now().UTC().Truncate(time.Microsecond)
	for i, e := range a.Events {
		if e.Event.Stream() != a.Stream {
			return nil, fmt.Errorf("%w: %s belongs to stream %q, not %q", domain.ErrInvalid, e.Event.EventType(), e.Event.Stream(), a.Stream)
		}
		data, err := domain.Encode(e.Event)
		if err != nil {
			return nil, err
		}
		id := e.ID
		if id == uuid.Nil {
			id = uuid.Must(uuid.NewV7())
		} else {
			a.settle = true
		}
		records[i] = Recorded{Stream: a.Stream, ID: id, Type: e.Event.EventType(), RecordedAt: now, Data: data, Metadata: e.Metadata}
		if e.Metadata == nil {
			records[i].Metadata = Metadata{}
		}
	}
	return records, nil
}

// record writes inside the transaction of ctx. Everything that may be refused is
// read first, under the lock: a constraint's error would end the transaction of
// a saga on PostgreSQL. The constraints are the backstop.
func (s *Store) record(ctx context.Context, a Append, records []Recorded) ([]Recorded, error) {
	tx, _ := TxFrom(ctx)
	if err := s.lockLog(ctx, tx); err != nil {
		return nil, err
	}
	if a.settle {
		if known, err := s.settled(ctx, tx, a, records); known != nil || err != nil {
			return known, err
		}
	}
	var position, version int64
	if err := tx.QueryRowContext(ctx, eventsHead, a.Stream).Scan(&position, &version); err != nil {
		return nil, unavailable(ctx, "append", err)
	}
	if version != a.Expected {
		return nil, fmt.Errorf("stream %s is at version %d, not %d: %w", a.Stream, version, a.Expected, ErrConflict)
	}
	guards, err := s.moveGuards(ctx, tx, a)
	if err != nil {
		return nil, err
	}
	done := make([]Recorded, len(records))
	for i, r := range records {
		r.Position, r.Version = position+int64(i)+1, version+int64(i)+1
		done[i] = r
	}
	if err := s.insert(ctx, tx, done); err != nil {
		return nil, unavailable(ctx, "append", err)
	}
	if err := putGuards(ctx, tx, guards); err != nil {
		return nil, err
	}
	if t, ok := ctx.Value(txKey{}).(*transaction); ok {
		t.appended.Store(true)
	}
	return done, nil
}

// lockLog is a statement of its own: the statement that reads the head must
// begin, and take its snapshot, when the lock is held. SQLite's BEGIN IMMEDIATE
// has taken the lock already.
func (s *Store) lockLog(ctx context.Context, tx *sql.Tx) error {
	if s.dialect != Postgres {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, logLock); err != nil {
		return unavailable(ctx, "lock the log", err)
	}
	return nil
}

// settled returns the rows of an append that has happened already. A part of
// it, or an id that stands elsewhere, is a conflict.
func (s *Store) settled(ctx context.Context, tx *sql.Tx, a Append, records []Recorded) ([]Recorded, error) {
	var known []Recorded
	for i, r := range records {
		row := tx.QueryRowContext(ctx, `SELECT `+recordedColumns+` FROM events WHERE id = $1`, r.ID)
		found, err := scanRecorded(row)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, unavailable(ctx, "append", err)
		}
		if found.Stream != a.Stream || found.Version != a.Expected+int64(i)+1 {
			return nil, fmt.Errorf("event id %s is at position %d already: %w", r.ID, found.Position, ErrConflict)
		}
		known = append(known, found)
	}
	if len(known) > 0 && len(known) < len(records) {
		return nil, fmt.Errorf("%d of %d event ids are known: %w", len(known), len(records), ErrConflict)
	}
	return known, nil
}

func (s *Store) insert(ctx context.Context, tx *sql.Tx, records []Recorded) error {
	if s.dialect == Postgres {
		return insertPostgres(ctx, tx, records)
	}
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
	return nil
}

func insertPostgres(ctx context.Context, tx *sql.Tx, records []Recorded) error {
	n := len(records)
	positions, versions, times := make([]int64, n), make([]int64, n), make([]int64, n)
	streams, ids, types := make([]string, n), make([]string, n), make([]string, n)
	data, metadata := make([]string, n), make([]string, n)
	for i, r := range records {
		positions[i], versions[i], times[i] = r.Position, r.Version, r.RecordedAt.UnixMicro()
		streams[i], ids[i], types[i], data[i] = r.Stream, r.ID.String(), r.Type, string(r.Data)
		flat, err := json.Marshal(r.Metadata)
		if err != nil {
			return err
		}
		metadata[i] = string(flat)
	}
	_, err := tx.ExecContext(ctx, eventsInsertPostgres, positions, streams, versions, ids, types, times, data, metadata)
	return err
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
