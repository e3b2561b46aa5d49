package instances

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// instanceLocks and servingLock name the advisory locks of serving instances;
// the view live_instances looks for the first.
const (
	instanceLocks int32 = 1935897196
	servingLock   int64 = 0x7363726170657276
)

const (
	instancesBeatSQLite = `UPDATE instances SET last_beat = CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)
WHERE id = $1 AND NOT dead`
	instancesBeatPostgres = `UPDATE instances SET last_beat = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
WHERE id = $1 AND NOT dead`
	instancesDead = `SELECT id FROM instances
WHERE NOT dead AND id NOT IN (SELECT id FROM live_instances)
UNION
SELECT instance FROM scraper_guard
WHERE open_run IS NOT NULL AND instance NOT IN (SELECT id FROM live_instances)
ORDER BY 1`
	// Those that look dead. Another instance has beaten while they missed a beat, two seconds
	// ago or more, so the database was not away from all.
	instancesSurelyDead = `SELECT id FROM instances AS i
WHERE NOT dead AND id NOT IN (SELECT id FROM live_instances)
  AND EXISTS (
    SELECT FROM instances AS other, unnest(ARRAY[other.started_at, other.last_beat]) AS heard
    WHERE other.id <> i.id AND heard > i.last_beat + 2500000
      AND heard < (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - 2000000)
UNION
SELECT instance FROM scraper_guard
WHERE open_run IS NOT NULL AND instance NOT IN (SELECT id FROM instances WHERE NOT dead)
ORDER BY 1`
	// The marked dead have nothing left to be ended once no open run names them.
	instancesForget = `DELETE FROM instances
WHERE dead AND id NOT IN (SELECT instance FROM scraper_guard WHERE open_run IS NOT NULL)`
	instancesLiveSQLite = `SELECT i.id, i.started_at, i.last_beat, NOT instances.leaving AS takes_runs,
       (SELECT count(*) FROM scraper_guard g WHERE g.open_run IS NOT NULL AND g.instance = i.id) AS open_runs
FROM live_instances i JOIN instances ON instances.id = i.id
ORDER BY takes_runs DESC, open_runs, i.id`
	// Who has lost its lock is most likely dead, and a run given to it would wait to
	// be ended. The lock is that of the view live_instances.
	instancesLivePostgres = `SELECT i.id, i.started_at, i.last_beat,
       NOT instances.leaving AND EXISTS (
         SELECT FROM pg_locks l
         WHERE l.locktype = 'advisory' AND l.granted
           AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND l.objsubid = 2 AND l.classid::bigint = 1935897196
           AND l.objid::bigint = hashtext(i.id)::bigint & 4294967295) AS takes_runs,
       (SELECT count(*) FROM scraper_guard g WHERE g.open_run IS NOT NULL AND g.instance = i.id) AS open_runs
FROM live_instances i JOIN instances ON instances.id = i.id
ORDER BY takes_runs DESC, open_runs, i.id`
)

// ErrMarkedDead reports that another instance has marked this one dead and ended its
// runs. It must drop every stream and register under a new id.
var ErrMarkedDead = errors.New("this instance was marked dead")

// Registry is a log with the instances that serve it.
type Registry struct{ *eventstore.Store }

// New returns the registry of a log.
func New(log *eventstore.Store) *Registry { return &Registry{log} }

// Row is a live instance.
type Row struct {
	ID        string    `json:"id"`
	StartedAt time.Time `json:"started_at"`
	LastBeat  time.Time `json:"last_beat"`
	OpenRuns  int       `json:"open_runs"`
	// TakesRuns reports whether it holds its lock and is not about to stop.
	TakesRuns bool `json:"takes_runs"`
}

// Instance is this process as an instance of the log.
type Instance struct {
	ID    string
	store *Registry

	beats beats

	mu      sync.Mutex
	release func() error // SQLite: frees the lock file
	session *sql.Conn    // PostgreSQL: holds the locks; nil after it was lost
}

// Acquire takes the lock, brings the schema to the newest version and registers id,
// which must be new. The error is eventstore.ErrHeld while maintenance runs (see
// [Registry.Maintain]) and, on SQLite, while another process serves the database. A
// process that is refused has changed nothing.
func (s *Registry) Acquire(ctx context.Context, id string) (*Instance, error) {
	i := &Instance{ID: id, store: s}
	if s.Dialect() == eventstore.SQLite {
		release, err := s.LockFile()
		if err != nil {
			return nil, err
		}
		i.release = release
	} else if err := i.lockSession(ctx); err != nil {
		return nil, err
	}
	err := s.Migrate(ctx)
	if err == nil {
		err = i.register(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, i.unlock())
	}
	i.beats.note(nil)
	return i, nil
}

func (i *Instance) register(ctx context.Context) error {
	return i.store.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, instancesForget); err != nil {
			return eventstore.Unavailable(ctx, "register instance", err)
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO instances (id) VALUES ($1)`, i.ID)
		return eventstore.Unavailable(ctx, "register instance", err)
	})
}

// lockSession takes two locks in a session that lasts as long as the instance: the
// one by which others see that it is alive, and a share of the one that maintenance
// takes exclusively.
func (i *Instance) lockSession(ctx context.Context) error {
	conn, err := i.store.Writer().Conn(ctx)
	if err != nil {
		return eventstore.Unavailable(ctx, "instance lock", err)
	}
	var serving, own bool
	err = conn.QueryRowContext(ctx, `SELECT pg_try_advisory_lock_shared($1), pg_try_advisory_lock($2, hashtext($3))`,
		servingLock, instanceLocks, i.ID).Scan(&serving, &own)
	if err == nil && serving && own {
		i.session = conn
		return nil
	}
	if err != nil {
		discard(conn)
		return eventstore.Unavailable(ctx, "instance lock", err)
	}
	endSession(conn) // it may have one of the two
	if !serving {
		return fmt.Errorf("%w: maintenance is running; start when it is done", eventstore.ErrHeld)
	}
	return fmt.Errorf("%w: instance %s", eventstore.ErrHeld, i.ID)
}

// discard closes the connection instead of giving it back: its session may
// still hold locks.
func discard(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = conn.Close()
}

// endSession releases the session's locks before it closes the connection: the
// server notices a closed connection later, and another process may be waiting.
func endSession(conn *sql.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = conn.ExecContext(ctx, `SELECT pg_advisory_unlock_all()`) // else they go with the connection
	discard(conn)
}

// Beat records that this instance is alive; call it every 2 s. After ErrMarkedDead
// the instance must drop every stream and register under a new id. After any other
// error, call it again: a lost session is opened again.
func (i *Instance) Beat(ctx context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	err := i.beatOnce(ctx)
	i.beats.note(err)
	return err
}

func (i *Instance) beatOnce(ctx context.Context) error {
	if i.store.Dialect() == eventstore.SQLite {
		return i.store.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return i.beat(ctx, tx) })
	}
	if i.session == nil {
		if err := i.lockSession(ctx); err != nil {
			return err
		}
	}
	err := i.beat(ctx, i.session)
	if err != nil && !errors.Is(err, ErrMarkedDead) {
		discard(i.session)
		i.session = nil
	}
	return err
}

func (i *Instance) beat(ctx context.Context, on eventstore.Querier) error {
	result, err := on.ExecContext(ctx, i.store.Dialect().Pick(instancesBeatSQLite, instancesBeatPostgres), i.ID)
	if err != nil {
		return eventstore.Unavailable(ctx, "beat", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(fmt.Errorf("instance %s: %w", i.ID, ErrMarkedDead), err)
	}
	return nil
}

// Leave records that this instance is about to stop and takes no more runs.
func (i *Instance) Leave(ctx context.Context) error {
	_, err := i.store.Exec(ctx, "leave", `UPDATE instances SET leaving = true WHERE id = $1`, i.ID)
	return err
}

// Release removes the instance and releases its locks. No open run may name it.
func (i *Instance) Release(ctx context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	_, err := i.store.Exec(ctx, "release instance", `DELETE FROM instances WHERE id = $1`, i.ID)
	return errors.Join(err, i.unlock())
}

func (i *Instance) unlock() error {
	if i.session != nil {
		endSession(i.session)
		i.session = nil
	}
	if i.release != nil {
		return i.release()
	}
	return nil
}

// MarkDead marks an instance dead in the transaction of ctx, which ends its runs. It
// locks the instance's row and checks again whether it is dead. The error is
// domain.ErrConflict if the instance is alive.
func (s *Registry) MarkDead(ctx context.Context, id string) error {
	return s.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		// The row lock comes first: the statement after it sees a beat that it waited for.
		if _, err := tx.ExecContext(ctx, `UPDATE instances SET dead = dead WHERE id = $1`, id); err != nil {
			return eventstore.Unavailable(ctx, "mark dead", err)
		}
		var alive bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM live_instances WHERE id = $1)`, id).Scan(&alive); err != nil {
			return eventstore.Unavailable(ctx, "mark dead", err)
		}
		if alive {
			return fmt.Errorf("instance %s is alive: %w", id, domain.ErrConflict)
		}
		_, err := tx.ExecContext(ctx, `UPDATE instances SET dead = true WHERE id = $1`, id)
		return eventstore.Unavailable(ctx, "mark dead", err)
	})
}
