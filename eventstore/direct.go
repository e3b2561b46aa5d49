package eventstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

// probeTimeout bounds the probe of the connection.
const probeTimeout = 10 * time.Second

// checkDirect makes sure that a session is ours alone: its settings hold, what is
// locked in it is locked for others and seen by them, LISTEN hears, and the lock
// ends with it. A connection pooler breaks one of these, and with it the locks by
// which positions are given out and instances are known to live. Otherwise the
// error wraps ErrIndirect.
func (s *Store) checkDirect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	p := probe{store: s, key: rand.Int32()}
	defer p.close()
	for i := range p.sessions {
		session, err := s.connectPostgres(ctx)
		if err != nil {
			return Unavailable(ctx, "probe the connection", err)
		}
		p.sessions[i] = session
	}
	why, err := p.run(ctx)
	switch {
	case err != nil && !pooled(err):
		return Unavailable(ctx, "probe the connection", err)
	case err != nil:
		why = err.Error()
	case why == "":
		return nil
	}
	return &connectError{text: indirect(placeOf(s.pg), why), kind: ErrIndirect, err: err}
}

// probe holds two sessions and the key that the first one locks.
type probe struct {
	store    *Store
	key      int32
	sessions [2]*pgx.Conn
}

// probeLocks is the class of the probe's advisory locks. No instance uses it.
const probeLocks int32 = 1935897197

// run returns the first difference from a direct connection; empty: there is none.
func (p *probe) run(ctx context.Context) (why string, err error) {
	for _, check := range []func(context.Context) (string, error){p.settings, p.sameSession, p.locks, p.listens, p.unlocks} {
		if why, err = check(ctx); why != "" || err != nil {
			break
		}
	}
	return why, err
}

// settings: those that were sent at the start hold.
func (p *probe) settings(ctx context.Context) (string, error) {
	for _, name := range []string{"lock_timeout", "idle_in_transaction_session_timeout"} {
		var is string
		if err := p.ask(ctx, 0, &is, `SELECT current_setting($1)`, name); err != nil {
			return "", err
		}
		want := p.store.pg.RuntimeParams[name]
		if want == sessionSettings[name] && is != want { // in a URL it may be written otherwise than the server does
			return fmt.Sprintf("%s was set to %s and is %s", name, want, is), nil
		}
	}
	return "", nil
}

// sameSession: while one session is in a transaction, the other is still the
// backend that it was.
func (p *probe) sameSession(whole context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(whole, probeTimeout/2)
	defer cancel()
	why, err := p.changes(ctx)
	if err != nil && ctx.Err() != nil && whole.Err() == nil {
		return "two sessions do not work at once", nil
	}
	return why, err
}

func (p *probe) changes(ctx context.Context) (string, error) {
	var before, other, after int
	if err := p.ask(ctx, 0, &before, `SELECT pg_backend_pid()`); err != nil {
		return "", err
	}
	tx, err := p.sessions[1].Begin(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if err := p.ask(ctx, 1, &other, `SELECT pg_backend_pid()`); err != nil {
		return "", err
	}
	if err := p.ask(ctx, 0, &after, `SELECT pg_backend_pid()`); err != nil {
		return "", err
	}
	if before != after || before == other {
		return "a session changes its backend between statements", nil
	}
	return "", nil
}

// locks: what one session has locked, the other finds locked and listed.
func (p *probe) locks(ctx context.Context) (string, error) {
	var first, second, seen bool
	if err := p.ask(ctx, 0, &first, `SELECT pg_try_advisory_lock($1, $2)`, probeLocks, p.key); err != nil {
		return "", err
	}
	if err := p.ask(ctx, 1, &second, `SELECT pg_try_advisory_lock($1, $2)`, probeLocks, p.key); err != nil {
		return "", err
	}
	err := p.ask(ctx, 1, &seen, `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted
		AND objsubid = 2 AND classid::bigint = $1 AND objid::bigint = $2::bigint & 4294967295)`, probeLocks, p.key)
	switch {
	case err != nil:
		return "", err
	case !first || second:
		return "an advisory lock does not stay with its session", nil
	case !seen:
		return "an advisory lock is not listed in pg_locks", nil
	}
	return "", nil
}

// listens: one session hears what the other notifies.
func (p *probe) listens(ctx context.Context) (string, error) {
	name := pgx.Identifier{fmt.Sprintf("scrapelog_probe_%d", uint32(p.key))}.Sanitize()
	if _, err := p.sessions[1].Exec(ctx, "LISTEN "+name); err != nil {
		return "", err
	}
	if _, err := p.sessions[0].Exec(ctx, "NOTIFY "+name); err != nil {
		return "", err
	}
	hearing, cancel := context.WithTimeout(ctx, probeTimeout/2)
	defer cancel()
	if _, err := p.sessions[1].WaitForNotification(hearing); err != nil {
		if hearing.Err() != nil && ctx.Err() == nil {
			return "LISTEN hears nothing", nil
		}
		return "", err
	}
	return "", nil
}

// unlocks: a lock ends with its session.
func (p *probe) unlocks(ctx context.Context) (string, error) {
	if err := p.sessions[0].Close(ctx); err != nil {
		return "", err
	}
	for deadline := time.Now().Add(probeTimeout / 2); time.Now().Before(deadline); {
		var free bool
		if err := p.ask(ctx, 1, &free, `SELECT pg_try_advisory_lock($1, $2)`, probeLocks, p.key); err != nil || free {
			return "", err
		}
		if !Pause(ctx, 5*time.Millisecond) {
			return "", ctx.Err()
		}
	}
	return "an advisory lock outlives its session", nil
}

// ask asks one session, without a prepared statement: a pooler would mix them up
// before it is known to be one.
func (p *probe) ask(ctx context.Context, session int, into any, query string, args ...any) error {
	args = append([]any{pgx.QueryExecModeExec}, args...)
	return p.sessions[session].QueryRow(ctx, query, args...).Scan(into)
}

func (p *probe) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, session := range p.sessions {
		if session != nil {
			_ = session.Close(ctx)
		}
	}
}
