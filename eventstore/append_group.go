package eventstore

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// appendGroup writes the group in one transaction, or in a few where appends depend on
// each other. If the database refuses it, each append is tried in its own transaction,
// so that one does not fail the others.
func (s *Store) appendGroup(group []*request) {
	for len(group) > 0 {
		part := group
		if group = nil; s.dialect == Postgres {
			part, group = apart(part)
		}
		s.appends.begin()
		err := s.commitGroup(part)
		s.appends.end(databaseFault(err))
		if err != nil && len(part) > 1 && OwnFault(err) {
			for _, r := range part {
				s.appendGroup([]*request{r})
			}
			continue
		}
		for _, r := range part {
			r.answer(err)
		}
	}
}

// databaseFault returns err if the database is at fault, and nil otherwise.
func databaseFault(err error) error {
	if err == nil || OwnFault(err) {
		return nil
	}
	return err
}

// commitGroup retries while the fate of a commit is unknown. If the first try took
// effect, the second is refused, and settled by the event ids. It also retries once
// when the database refuses rows because of rows that it has.
func (s *Store) commitGroup(group []*request) error {
	for attempt := 0; ; attempt++ {
		err := s.commit(group, attempt == 0)
		if attempt == 0 && violates(err) {
			continue
		}
		if !interrupted(err) || attempt == 6 || !Pause(s.life, min(50*time.Millisecond<<attempt, 400*time.Millisecond)) {
			return err
		}
		for _, r := range group {
			r.settle = true
		}
	}
}

// commit writes a group in its own transaction.
func (s *Store) commit(group []*request, inGoodFaith bool) error {
	if s.dialect == Postgres {
		return s.commitPostgres(group, inGoodFaith)
	}
	return s.commitSQLite(group, inGoodFaith)
}

// record writes a group in the transaction of ctx. The error is the database's;
// refusals stand in the requests.
func (s *Store) record(ctx context.Context, group []*request) (err error) {
	ctx = context.WithoutCancel(ctx)
	t := txOf(ctx)
	if s.dialect == Postgres {
		err = s.joinPostgres(ctx, t, group)
	} else {
		err = onWriter(t.conn, func(w *sqliteWriter) error {
			w.end = nil // the transaction may be rolled back
			_, err := joinSQLite(w, nil, group, false)
			return err
		})
	}
	if err != nil {
		return Unavailable(ctx, "append", err)
	}
	t.appended.Store(true)
	return nil
}

// interrupted reports whether a transaction may have been cut off: the answer to its
// commit was lost, or the server ended its session.
func interrupted(err error) bool {
	if _, lost := errors.AsType[*commitError](err); lost {
		return true
	}
	_, unconnected := errors.AsType[*connectError](err)
	return Transient(err) && !unconnected
}

// violates reports whether the database refused rows because of rows that it has: by
// our triggers or by other constraints.
func violates(err error) bool {
	if said, ok := errors.AsType[*pgconn.PgError](err); ok {
		return said.Code[:2] == "23"
	}
	said, ok := errors.AsType[*sqlite.Error](err)
	return ok && said.Code()&0xff == sqlite3.SQLITE_CONSTRAINT
}
