package eventstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// These call the functions that write one event, and a group. By itself each is a
// transaction: the server alone takes the log's lock and releases it, whatever becomes
// of this process.
const (
	appendEventStatement = `SELECT last_position, last_recorded_at, refused FROM append_event($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`
	appendGroupStatement = `SELECT last_position, last_recorded_at, refused FROM append_events($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`
)

// appendJoined makes of them the same within a transaction, which holds the lock until
// it ends. It may be idle for a second only: an instance that is stopped meanwhile keeps
// the others waiting.
const appendJoined = `, set_config('idle_in_transaction_session_timeout', '1s', true)`

// lockStatement takes the log's lock without an append.
const lockStatement = `SELECT set_config('idle_in_transaction_session_timeout', '1s', true), pg_advisory_xact_lock($1)`

// logLock is the advisory lock under which positions are given out. The functions
// append_event and append_events name it too. Changing it lets an older program append
// beside a newer one.
const logLock int64 = 0x7363726170656c67

// commitPostgres writes a group in a transaction of its own.
func (s *Store) commitPostgres(group []*request) error {
	ctx := context.Background()
	err := callAppend(ctx, s.write, "", group)
	var said *pgconn.PgError
	var unconnected *connectError
	switch {
	case errors.As(err, &unconnected), errors.As(err, &said) && said.Severity == "ERROR":
		return Unavailable(ctx, "append", err)
	case err != nil:
		return &commitError{err}
	}
	s.commits.Fire()
	if err := settle(rowsFrom(ctx, s.read), eventsWithIDsPostgres, group); err != nil {
		return &commitError{err}
	}
	return nil
}

// joinPostgres writes a group in the transaction of ctx.
func (s *Store) joinPostgres(ctx context.Context, t *Tx, group []*request) error {
	if err := t.takeTurn(); err != nil {
		return err
	}
	for len(group) > 0 {
		var part []*request
		part, group = apart(group)
		if err := callAppend(ctx, t.Tx, appendJoined, part); err != nil {
			return err
		}
		if err := settle(rowsFrom(ctx, t.Tx), eventsWithIDsPostgres, part); err != nil {
			return err
		}
	}
	return nil
}

// apart splits a group: append_events decides about all requests before it writes one, so
// two of one stream cannot go together.
func apart(group []*request) (part, rest []*request) {
	if len(group) == 1 {
		return group, nil
	}
	streams := map[string]bool{}
	for _, r := range group {
		if streams[r.Stream] {
			rest = append(rest, r)
		} else {
			part = append(part, r)
		}
		streams[r.Stream] = true
	}
	return part, rest
}

func callAppend(ctx context.Context, from Querier, joined string, group []*request) error {
	statement, args := appendEventStatement, eventArgs
	if len(group) > 1 || len(group[0].records) > 1 {
		statement, args = appendGroupStatement, groupArgs
	}
	var position, micros int64
	var answer []byte
	err := from.QueryRowContext(ctx, statement+joined, args(group)...).Scan(&position, &micros, &answer)
	if err != nil {
		return err
	}
	var refused []struct {
		Request int
		Version int64
	}
	if answer != nil {
		if err := json.Unmarshal(answer, &refused); err != nil {
			return fmt.Errorf("answer of an append: %w", err)
		}
	}
	at := time.UnixMicro(micros).UTC()
	for i, r := range group {
		if len(refused) > 0 && refused[0].Request == i+1 {
			r.refuse(refused[0].Version)
			refused = refused[1:]
			continue
		}
		r.accept(position, at)
		last := r.recorded[len(r.recorded)-1]
		position, at = last.Position, last.RecordedAt
	}
	return nil
}

// eventArgs are the arguments of append_event, for a group of one event.
func eventArgs(group []*request) []any {
	r := group[0]
	record := &r.records[0]
	return []any{
		r.Stream, r.Expected, r.settle, r.scraper, [16]byte(r.run), r.move.expected, r.move.bits(), r.move.news.text(),
		[16]byte(record.ID), record.Type, record.RecordedAt.UnixMicro(), string(record.Data), r.metadata[0],
	}
}

// groupArgs are the arguments of append_events.
func groupArgs(group []*request) []any {
	n := len(group)
	var (
		streams, scrapers, guards, news = make([]string, n), make([]string, n), make([]string, n), make([]string, n)
		expected, moves, asked, runs    = make([]int64, n), make([]int64, n), make([]bool, n), make([][16]byte, n)

		numbers             []int32
		versions, times     []int64
		ids                 [][16]byte
		types, datas, metas []string
		latest              time.Time
	)
	for i, r := range group {
		streams[i], expected[i], asked[i], scrapers[i], runs[i] = r.Stream, r.Expected, r.settle, r.scraper, r.run
		guards[i], moves[i], news[i] = r.move.expected, r.move.bits(), r.move.news.text()
		for k := range r.records {
			record := &r.records[k]
			if record.RecordedAt.Before(latest) { // of a request that was made earlier and queued later
				record.RecordedAt = latest
			}
			latest = record.RecordedAt
			numbers, versions, times = append(numbers, int32(i+1)), append(versions, record.Version), append(times, latest.UnixMicro())
			ids, types, datas = append(ids, record.ID), append(types, record.Type), append(datas, string(record.Data))
		}
		metas = append(metas, r.metadata...)
	}
	return []any{streams, expected, asked, scrapers, runs, guards, moves, news, numbers, versions, ids, types, times, datas, metas}
}

// lockLog takes the log's lock for the transaction of ctx, which changes log or guards
// otherwise than by an append. SQLite's BEGIN IMMEDIATE has taken the lock already.
func (s *Store) lockLog(ctx context.Context, tx *sql.Tx) error {
	if s.dialect != Postgres {
		return onWriter(txOf(ctx).conn, func(w *sqliteWriter) error { w.end = nil; return nil })
	}
	if _, err := tx.ExecContext(ctx, lockStatement, logLock); err != nil {
		return Unavailable(ctx, "lock the log", err)
	}
	return nil
}

// takeTurn waits until no other transaction of this process waits for the log's lock or
// has it. A process that is stopped then holds up others for the time of one idle
// transaction, and not of one after the other.
func (t *Tx) takeTurn() error {
	if t.turn != nil {
		return nil
	}
	patience := time.NewTimer(turnTimeout)
	defer patience.Stop()
	select {
	case t.store.turn <- struct{}{}:
		t.turn = func() { <-t.store.turn }
		return nil
	case <-patience.C:
		return fmt.Errorf("%w: lock the log: another transaction of this process has held it for %s", ErrUnavailable, turnTimeout)
	}
}

// turnTimeout is the lock_timeout of our sessions.
const turnTimeout = 5 * time.Second
