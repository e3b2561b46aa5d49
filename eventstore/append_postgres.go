package eventstore

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"scrapelog/domain"
)

// appendGroupStatement calls the function that writes a group. By itself it is a
// transaction: the server alone takes the log's lock and releases it, whatever becomes
// of this process.
const appendGroupStatement = `SELECT last_position, last_recorded_at, refused FROM append_group($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`

// appendJoinedStatement is the same within a transaction, which holds the lock until it
// ends. It may be idle for a second only: an instance that is stopped meanwhile keeps
// the others waiting.
const appendJoinedStatement = appendGroupStatement + `, set_config('idle_in_transaction_session_timeout', '1s', true)`

// lockStatement takes the log's lock without an append.
const lockStatement = `SELECT set_config('idle_in_transaction_session_timeout', '1s', true), pg_advisory_xact_lock($1)`

// logLock is the advisory lock under which positions are given out. The function
// append_group names it too. Changing it lets an older program append beside a newer
// one.
const logLock int64 = 0x7363726170656c67

// unmovedGuard is the row of a scraper that has none yet.
var unmovedGuard = string(guardValues(&domain.Guard{}).appendJSON(nil))

// asJSON is the request as append_group reads it.
func (r *request) asJSON() []byte {
	text := make([]byte, 0, 512)
	text = appendString(append(text, `{"stream":`...), r.Stream)
	text = strconv.AppendInt(append(text, `,"expected":`...), r.Expected, 10)
	if r.scraper != "" {
		text = appendString(append(text, `,"scraper":`...), r.scraper)
		text = append(text, `,"moves":`...)
		for i, move := range movesOf(r.Guard, r.Events) {
			text = move.appendJSON(append(text, "[,"[min(i, 1)]))
		}
		text = append(text, ']')
	}
	return append(text, '}')
}

// commitPostgres writes a group in a transaction of its own.
func (s *Store) commitPostgres(group []*request) error {
	ctx := context.Background()
	err := s.callAppendGroup(ctx, s.write, appendGroupStatement, group)
	var said *pgconn.PgError
	var unconnected *connectError
	switch {
	case errors.As(err, &unconnected), errors.As(err, &said) && said.Severity == "ERROR":
		return Unavailable(ctx, "append", err)
	case err != nil:
		return &commitError{err}
	}
	s.commits.Fire()
	if err := s.settle(ctx, s.read, group); err != nil {
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
		if err := s.callAppendGroup(ctx, t.Tx, appendJoinedStatement, part); err != nil {
			return err
		}
		if err := s.settle(ctx, t.Tx, part); err != nil {
			return err
		}
	}
	return nil
}

// apart splits a group: append_group decides about all requests by what it reads first,
// so two of one stream or one scraper cannot go together.
func apart(group []*request) (part, rest []*request) {
	streams, scrapers := map[string]bool{}, map[string]bool{"": false}
	for _, r := range group {
		if streams[r.Stream] || scrapers[r.scraper] {
			rest = append(rest, r)
		} else {
			part = append(part, r)
		}
		streams[r.Stream] = true
		scrapers[r.scraper] = r.scraper != ""
	}
	return part, rest
}

func (s *Store) callAppendGroup(ctx context.Context, from Querier, statement string, group []*request) error {
	var position, micros int64
	var answer []byte
	err := from.QueryRowContext(ctx, statement, groupArgs(group)...).Scan(&position, &micros, &answer)
	if err != nil {
		return err
	}
	var refused []struct {
		Request int
		Version int64
	}
	if answer != nil {
		if err := json.Unmarshal(answer, &refused); err != nil {
			return fmt.Errorf("answer of append_group: %w", err)
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

// groupArgs are the arguments of append_group.
func groupArgs(group []*request) []any {
	var (
		bodies                         [][]byte
		numbers                        []int32
		versions, times                []int64
		streams, ids, types, datas, ms []string
	)
	var latest time.Time
	for i, r := range group {
		bodies = append(bodies, r.body)
		for k := range r.records {
			record := &r.records[k]
			if record.RecordedAt.Before(latest) { // of a request that was made earlier and queued later
				record.RecordedAt = latest
			}
			latest = record.RecordedAt
			numbers = append(numbers, int32(i+1))
			streams, ids, types = append(streams, record.Stream), append(ids, record.ID.String()), append(types, record.Type)
			versions, times = append(versions, record.Version), append(times, latest.UnixMicro())
			datas = append(datas, string(record.Data))
		}
		ms = append(ms, r.metadata...)
	}
	requests := "[" + string(bytes.Join(bodies, []byte{','})) + "]"
	return []any{requests, unmovedGuard, numbers, streams, versions, ids, types, times, datas, ms}
}

// lockLog takes the log's lock for the transaction of ctx. SQLite's BEGIN IMMEDIATE has
// taken it already.
func (s *Store) lockLog(ctx context.Context, tx *sql.Tx) error {
	if s.dialect != Postgres {
		return nil
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
