package eventstore

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"scrapelog/domain"
)

var (
	//go:embed sql/sqlite/events.heads.sql
	eventsHeadsSQLite string
	//go:embed sql/postgres/events.heads.sql
	eventsHeadsPostgres string
)

// lockStatement bounds how long the transaction may be idle from here on: an
// instance that is stopped while it holds the log's lock keeps the others waiting.
const lockStatement = `SELECT set_config('idle_in_transaction_session_timeout', '1s', true), pg_advisory_xact_lock($1)`

// logLock is the advisory lock under which positions are given out. Changing it
// lets an older program append beside a newer one.
const logLock int64 = 0x7363726170656c67

// record writes a group inside the transaction of ctx and returns where the log
// then ends. Everything that may be refused is read first, under the lock: a
// constraint's error would end the transaction of a saga on PostgreSQL. The
// constraints are the backstop. The error is the database's; refusals stand in
// the requests.
func (s *Store) record(ctx context.Context, group []*request) (*end, error) {
	ctx = context.WithoutCancel(ctx)
	tx, _ := TxFrom(ctx)
	if err := s.lockLog(ctx, tx); err != nil {
		return nil, err
	}
	from := s.From(ctx)
	end, err := s.loadEnd(ctx, from, group)
	if err != nil {
		return nil, Unavailable(ctx, "append", err)
	}
	var written []Recorded
	for _, r := range group {
		added, err := end.accept(ctx, from, r)
		if err != nil {
			return nil, Unavailable(ctx, "append", err)
		}
		written = append(written, added...)
	}
	if err := s.insert(ctx, from, written, end.moved); err != nil {
		return nil, Unavailable(ctx, "append", err)
	}
	if t, ok := ctx.Value(txKey{}).(*Tx); ok && len(written) > 0 {
		t.appended.Store(true)
	}
	return end, nil
}

// lockLog locks the log in a separate statement: the statement that reads the head
// must begin, and take its snapshot, after the lock is held. SQLite's BEGIN IMMEDIATE
// has taken the lock already.
func (s *Store) lockLog(ctx context.Context, tx *sql.Tx) error {
	if s.dialect != Postgres {
		return nil
	}
	if t, ok := ctx.Value(txKey{}).(*Tx); ok && t.turn == nil {
		done, err := s.takeTurn()
		if err != nil {
			return err
		}
		t.turn = done
	}
	if _, err := tx.ExecContext(ctx, lockStatement, logLock); err != nil {
		return Unavailable(ctx, "lock the log", err)
	}
	return nil
}

// takeTurn waits until no other session of this process waits for the log's lock
// or has it. A process that is stopped then holds up others for the time of one
// idle transaction, and not of one after the other.
func (s *Store) takeTurn() (done func(), err error) {
	patience := time.NewTimer(turnTimeout)
	defer patience.Stop()
	select {
	case s.turn <- struct{}{}:
		return func() { <-s.turn }, nil
	case <-patience.C:
		return nil, fmt.Errorf("%w: lock the log: another transaction of this process has held it for %s", ErrUnavailable, turnTimeout)
	}
}

// turnTimeout is the lock_timeout of our sessions.
const turnTimeout = 5 * time.Second

// end is the end of the log as far as a group is concerned: it moves with each
// append that is accepted.
type end struct {
	position int64
	at       time.Time // of its last event
	versions map[string]int64
	guards   map[string]domain.Guard
	moved    map[string]domain.Guard
}

func (s *Store) loadEnd(ctx context.Context, from Querier, group []*request) (*end, error) {
	e := &end{versions: map[string]int64{}, guards: map[string]domain.Guard{}, moved: map[string]domain.Guard{}}
	for _, r := range group {
		e.versions[r.Stream] = 0
		for _, event := range r.Events {
			if name := event.Event.ScraperName(); name != "" {
				e.guards[name] = domain.Guard{Scraper: name}
			}
		}
		if r.Guard != nil {
			e.guards[r.Guard.Scraper] = domain.Guard{Scraper: r.Guard.Scraper}
		}
	}
	if err := e.loadEnds(ctx, from, s.dialect); err != nil {
		return nil, err
	}
	return e, e.loadGuards(ctx, from, s.dialect)
}

func (e *end) loadEnds(ctx context.Context, from Querier, d Dialect) error {
	rows, err := from.QueryContext(ctx, d.Pick(eventsHeadsSQLite, eventsHeadsPostgres), keysAsJSON(e.versions))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var stream string
		var version, micros int64
		if err := rows.Scan(&stream, &version, &e.position, &micros); err != nil {
			return err
		}
		e.versions[stream], e.at = version, time.UnixMicro(micros).UTC()
	}
	return rows.Err()
}

func (e *end) loadGuards(ctx context.Context, from Querier, d Dialect) error {
	rows, err := from.QueryContext(ctx, d.Pick(guardSomeSQLite, guardSomePostgres), keysAsJSON(e.guards))
	if err != nil {
		return err
	}
	guards, err := ScanAll(rows, scanGuard)
	for _, g := range guards {
		e.guards[g.Scraper] = g
	}
	return err
}

func keysAsJSON[V any](m map[string]V) string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	list, _ := json.Marshal(keys) // strings always can be
	return string(list)
}

// accept decides about one append and returns the rows that it adds.
func (e *end) accept(ctx context.Context, from Querier, r *request) ([]Recorded, error) {
	r.recorded, r.refusal = nil, nil // of an earlier try
	if r.settle {
		known, err := settled(ctx, from, r)
		switch {
		case errors.Is(err, ErrConflict):
			r.refusal = err
			return nil, nil
		case known != nil || err != nil:
			r.recorded = known
			return nil, err
		}
	}
	if r.refusal = e.refuse(r); r.refusal == nil {
		r.recorded = e.add(r)
	}
	return r.recorded, nil
}

func (e *end) refuse(r *request) error {
	if at := e.versions[r.Stream]; at != r.Expected {
		return fmt.Errorf("stream %s is at version %d, not %d: %w", r.Stream, at, r.Expected, ErrConflict)
	}
	if r.Guard != nil && !sameGuard(e.guards[r.Guard.Scraper], *r.Guard) {
		return fmt.Errorf("guard of scraper %s: %w", r.Guard.Scraper, ErrConflict)
	}
	return nil
}

func (e *end) add(r *request) []Recorded {
	recorded := make([]Recorded, len(r.records))
	for i, record := range r.records {
		e.position++
		e.versions[r.Stream]++
		record.Position, record.Version = e.position, e.versions[r.Stream]
		if record.RecordedAt.Before(e.at) { // by a clock that was set back, or is slower than another instance's
			record.RecordedAt = e.at
		}
		e.at = record.RecordedAt
		recorded[i] = record
		event := r.Events[i].Event
		if event.ScraperName() == "" {
			continue
		}
		before := e.guards[event.ScraperName()]
		// A guard that nothing has moved yet may have no row, and the row is what
		// says that there is such a scraper.
		unmoved := domain.Guard{Scraper: event.ScraperName()}
		if guard := before.Evolve(event); !sameGuard(guard, before) || sameGuard(before, unmoved) {
			e.guards[guard.Scraper], e.moved[guard.Scraper] = guard, guard
		}
	}
	return recorded
}

// settled returns the rows of an append that has happened already. A part of
// it, or an id that stands elsewhere, is a conflict.
func settled(ctx context.Context, from Querier, r *request) ([]Recorded, error) {
	var known []Recorded
	for i, record := range r.records {
		row := from.QueryRowContext(ctx, `SELECT `+RecordedColumns+` FROM events WHERE id = $1`, record.ID)
		found, err := ScanRecorded(row)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if found.Stream != r.Stream || found.Version != r.Expected+int64(i)+1 {
			return nil, fmt.Errorf("event id %s is at position %d already: %w", record.ID, found.Position, ErrConflict)
		}
		known = append(known, found)
	}
	if len(known) > 0 && len(known) < len(r.records) {
		return nil, fmt.Errorf("%d of %d event ids are known: %w", len(known), len(r.records), ErrConflict)
	}
	return known, nil
}
