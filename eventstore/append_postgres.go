package eventstore

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
)

// These write one event, and a group. By itself each is a transaction: the server alone
// takes the log's lock and releases it, also when this process has died.
const (
	appendEventStatement = `SELECT last_position, last_recorded_at, refused FROM append_event($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`
	appendGroupStatement = `SELECT last_position, last_recorded_at, refused FROM append_to_log($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`
)

// appendJoined makes of them the same within a transaction, which holds the lock until
// it ends. It may be idle for a second only: an instance that is stopped meanwhile keeps
// the others waiting.
const appendJoined = `, set_config('idle_in_transaction_session_timeout', '1s', true)`

// lockStatement takes the log's lock without an append.
const lockStatement = `SELECT set_config('idle_in_transaction_session_timeout', '1s', true), pg_advisory_xact_lock($1)`

// logLock is the advisory lock under which positions are given out. The functions that
// append name it too. Changing it lets an older program append beside a newer one.
const logLock int64 = 0x7363726170656c67

// commitPostgres writes a group in its own transaction. In good faith it believes that
// the ids are new: a unique index refuses one that is not, and nothing is written.
func (s *Store) commitPostgres(group []*request, inGoodFaith bool) error {
	ctx := context.Background()
	conn, err := s.write.Conn(ctx)
	if err == nil {
		err = callAppend(ctx, conn, "", group, inGoodFaith)
		_ = conn.Close()
	}
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

// joinPostgres writes a group in the transaction of ctx. It asks for ids first: a row that
// the database refuses would end the transaction.
func (s *Store) joinPostgres(ctx context.Context, t *Tx, group []*request) error {
	if err := t.takeTurn(); err != nil {
		return err
	}
	for len(group) > 0 {
		var part []*request
		part, group = apart(group)
		if err := callAppend(ctx, t.conn, appendJoined, part, false); err != nil {
			return err
		}
		if err := settle(rowsFrom(ctx, t.Tx), eventsWithIDsPostgres, part); err != nil {
			return err
		}
	}
	return nil
}

// apart splits a group: append_to_log decides about all requests before it writes one, so
// two of one stream, or about one scraper, cannot go together.
func apart(group []*request) (part, rest []*request) {
	if len(group) == 1 {
		return group, nil
	}
	type name struct{ stream, scraper string }
	seen := make(map[name]bool, 2*len(group))
	for _, r := range group {
		stream, scraper := name{stream: r.Stream}, name{scraper: r.scraper}
		if seen[stream] || r.scraper != "" && seen[scraper] {
			rest = append(rest, r)
		} else {
			part = append(part, r)
		}
		seen[stream], seen[scraper] = true, true
	}
	return part, rest
}

// callAppend hands the group to the server. It goes around database/sql and the encoders of
// pgx, whose work for arrays of texts is a good part of an append.
func callAppend(ctx context.Context, conn *sql.Conn, joined string, group []*request, inGoodFaith bool) error {
	rows, statement := groupRows(group), appendGroupStatement+joined
	if len(rows) == 1 {
		statement = appendEventStatement + joined
	}
	return conn.Raw(func(driver any) error {
		pg := driver.(*stdlib.Conn).Conn()
		prepared, err := pg.Prepare(ctx, statement, statement) // once in a session
		if err != nil {
			return err
		}
		answer := pg.PgConn().ExecStatement(ctx, prepared, parametersOf(group, rows, inGoodFaith), []int16{pgx.BinaryFormatCode}, nil).Read()
		if answer.Err != nil {
			return answer.Err
		}
		return acceptGroup(group, answer.Rows[0])
	})
}

// acceptGroup reads the answer of append_event or append_to_log.
func acceptGroup(group []*request, answer [][]byte) error {
	position, err := strconv.ParseInt(string(answer[0]), 10, 64)
	micros, err2 := strconv.ParseInt(string(answer[1]), 10, 64)
	var refused []struct {
		Request int
		Version int64
	}
	if answer[2] != nil && err == nil {
		err = json.Unmarshal(answer[2], &refused)
	}
	if err = errors.Join(err, err2); err != nil {
		return fmt.Errorf("answer of an append: %w", err)
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

// groupRow is an event of a group.
type groupRow struct {
	*Recorded
	request  int64 // the number of its append, from 1
	metadata string
}

func groupRows(group []*request) (rows []groupRow) {
	var latest time.Time
	for n, r := range group {
		for i := range r.records {
			record := &r.records[i]
			if record.RecordedAt.Before(latest) { // of a request that was made earlier and queued later
				record.RecordedAt = latest
			}
			latest = record.RecordedAt
			rows = append(rows, groupRow{record, int64(n + 1), r.metadata[i]})
		}
	}
	return rows
}

// parameters are those of append_to_log, in the binary format of PostgreSQL's arrays, or
// those of append_event, which are the elements alone.
type parameters struct {
	alone  bool
	bytes  []byte
	begins []int
}

func parametersOf(group []*request, rows []groupRow, inGoodFaith bool) [][]byte {
	p := &parameters{alone: len(rows) == 1, bytes: make([]byte, 0, 1024*len(rows))}
	addColumn(p, pgtype.TextOID, group, func(r *request) { p.text(r.Stream) })
	addColumn(p, pgtype.Int8OID, group, func(r *request) { p.number(r.Expected) })
	addColumn(p, pgtype.BoolOID, group, func(r *request) { p.truth(r.settle && !inGoodFaith) })
	addColumn(p, pgtype.TextOID, group, func(r *request) { p.text(r.scraper) })
	addColumn(p, pgtype.UUIDOID, group, func(r *request) { p.raw(r.run[:]) })
	addColumn(p, pgtype.TextOID, group, func(r *request) { p.text(r.move.expected) })
	addColumn(p, pgtype.Int8OID, group, func(r *request) { p.number(r.move.bits()) })
	addColumn(p, pgtype.TextOID, group, func(r *request) { p.text(r.move.news.text()) })
	if !p.alone {
		addColumn(p, pgtype.Int8OID, rows, func(e groupRow) { p.number(e.request) })
		addColumn(p, pgtype.Int8OID, rows, func(e groupRow) { p.number(e.Version) })
	}
	addColumn(p, pgtype.UUIDOID, rows, func(e groupRow) { p.raw(e.ID[:]) })
	addColumn(p, pgtype.TextOID, rows, func(e groupRow) { p.text(e.Type) })
	addColumn(p, pgtype.Int8OID, rows, func(e groupRow) { p.number(e.RecordedAt.UnixMicro()) })
	addColumn(p, pgtype.JSONOID, rows, func(e groupRow) { p.raw(e.Data) })
	addColumn(p, pgtype.JSONOID, rows, func(e groupRow) { p.text(e.metadata) })
	return p.split()
}

// addColumn begins the next parameter. add adds an element to it.
func addColumn[T any](p *parameters, oid uint32, of []T, add func(T)) {
	p.begins = append(p.begins, len(p.bytes))
	if !p.alone {
		for _, word := range []int{1, 0, int(oid), len(of), 1} { // dimensions, NULLs, type, length, first index
			p.word(word)
		}
	}
	for _, each := range of {
		add(each)
	}
}

func (p *parameters) word(n int) { p.bytes = binary.BigEndian.AppendUint32(p.bytes, uint32(n)) }

// length precedes an element of an array.
func (p *parameters) length(n int) {
	if !p.alone {
		p.word(n)
	}
}

func (p *parameters) text(value string) {
	p.length(len(value))
	p.bytes = append(p.bytes, value...)
}

func (p *parameters) raw(value []byte) {
	p.length(len(value))
	p.bytes = append(p.bytes, value...)
}

func (p *parameters) number(value int64) {
	p.length(8)
	p.bytes = binary.BigEndian.AppendUint64(p.bytes, uint64(value))
}

func (p *parameters) truth(value bool) {
	if value {
		p.raw([]byte{1})
	} else {
		p.raw([]byte{0})
	}
}

func (p *parameters) split() [][]byte {
	all := make([][]byte, len(p.begins))
	for i, begin := range p.begins {
		end := len(p.bytes)
		if i+1 < len(all) {
			end = p.begins[i+1]
		}
		all[i] = p.bytes[begin:end]
	}
	return all
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
