package eventstore

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"scrapelog/domain"
)

// known is where the log ended and how the guards stood when the appender last
// wrote. While no other process appends, the appender need not read them; if one
// has, the database refuses the rows, because the next position is taken.
//
// It only accepts. An append that it would refuse, that needs a guard it does not
// know, or that the database refuses is decided again under the lock.
type known struct {
	position int64
	at       time.Time
	guards   map[string]domain.Guard
}

// maxGuards bounds how many guards are remembered.
const maxGuards = 10_000

// remember stores the end of the log after an append; nil forgets it.
func (s *Store) remember(e *end) {
	switch {
	case e == nil:
		s.known = nil
	case s.known == nil || len(s.known.guards) > maxGuards:
		s.known = &known{e.position, e.at, e.guards}
	default:
		s.known.position, s.known.at = e.position, e.at
		maps.Copy(s.known.guards, e.guards)
	}
}

// end is the end of the log for a group, if everything about it is known and
// nothing of it is to be refused. The versions that are expected are believed:
// the database takes none but the next.
func (k *known) end(group []*request) (*end, []Recorded) {
	if k == nil {
		return nil, nil
	}
	e := &end{position: k.position, at: k.at, versions: map[string]int64{}, guards: map[string]domain.Guard{}, moved: map[string]domain.Guard{}}
	var records []Recorded
	for _, r := range group {
		if !k.knows(e, r) || e.refuse(r) != nil {
			return nil, nil
		}
		r.recorded, r.refusal = e.add(r), nil
		records = append(records, r.recorded...)
	}
	return e, records
}

// knows prepares e for a request.
func (k *known) knows(e *end, r *request) bool {
	if _, seen := e.versions[r.Stream]; !seen {
		e.versions[r.Stream] = r.Expected
	}
	names := make([]string, 0, len(r.Events)+1)
	for _, event := range r.Events {
		if name := event.Event.ScraperName(); name != "" {
			names = append(names, name)
		}
	}
	if r.Guard != nil {
		names = append(names, r.Guard.Scraper)
	}
	for _, name := range names {
		if _, seen := e.guards[name]; seen {
			continue
		}
		guard, ok := k.guards[name]
		if !ok {
			return false
		}
		e.guards[name] = guard
	}
	return true
}

// commitKnown writes a group after the remembered end of the log. If that end is not
// the real one, it writes nothing and returns errMoved.
func (s *Store) commitKnown(group []*request) error {
	e, records := s.known.end(group)
	if e == nil {
		return errMoved
	}
	err := s.commitRows(records, e.moved)
	if err != nil {
		s.remember(nil)
		if taken(err) {
			return errMoved
		}
		return err
	}
	s.remember(e)
	return nil
}

func (s *Store) commitRows(records []Recorded, moved map[string]domain.Guard) error {
	ctx := context.Background()
	if s.dialect == Postgres {
		return s.pipeline(ctx, records, moved)
	}
	return s.InTx(ctx, func(ctx context.Context, _ *sql.Tx) error {
		ctx.Value(txKey{}).(*Tx).appended.Store(true)
		if err := s.insert(ctx, s.From(ctx), records, moved); err != nil {
			return Unavailable(ctx, "append", err)
		}
		return nil
	})
}

// pipeline sends lock, rows and commit in one round trip: statements that are sent
// together are one transaction, and each still has its own snapshot.
func (s *Store) pipeline(ctx context.Context, records []Recorded, moved map[string]domain.Guard) error {
	args, err := insertArgs(records, moved)
	if err != nil {
		return err
	}
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return Unavailable(ctx, "append", err)
	}
	defer func() { _ = conn.Close() }()
	done, err := s.takeTurn()
	if err != nil {
		return err
	}
	defer done()
	var written int
	err = conn.Raw(func(driver any) error {
		batch := &pgx.Batch{}
		batch.Queue(lockStatement, logLock)
		batch.Queue(eventsInsertPostgres, args...).QueryRow(func(row pgx.Row) error { return row.Scan(&written) })
		return driver.(*stdlib.Conn).Conn().SendBatch(ctx, batch).Close()
	})
	var said *pgconn.PgError
	switch {
	case errors.As(err, &said) && said.Severity == "ERROR":
		return Unavailable(ctx, "append", err)
	case err != nil:
		return &commitError{err}
	case written != len(records):
		return errMoved
	}
	s.commits.Fire()
	return nil
}

// taken reports whether the database refused rows because of rows that it has.
func taken(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code[:2] == "23" // integrity constraints, our triggers among them
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code()&0xff == sqlite3.SQLITE_CONSTRAINT
	}
	return errors.Is(err, errMoved)
}
