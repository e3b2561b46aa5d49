package eventstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Dialect is the kind of database behind a store.
type Dialect string

// The dialects.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// Pick returns the one of two statements that belongs to the dialect.
func (d Dialect) Pick(sqlite, postgres string) string {
	if d == Postgres {
		return postgres
	}
	return sqlite
}

// Config says which database to open.
type Config struct {
	URL      string // "sqlite:PATH" or "postgres://…"
	Logger   *slog.Logger
	Pool     Pool
	ReadOnly bool             // nothing can be written, and a missing SQLite file is not made
	Now      func() time.Time // when an event is recorded; default time.Now
}

// Pool is how many connections to PostgreSQL a store opens at most, beside the one
// that listens for commits. Beside one for the instance's locks, each consumer
// group and the appends use a connection for writing; more than LeastPool are
// not needed, but operations then wait for one.
type Pool struct {
	Write int `yaml:"write" json:"write"` // connections for writing; 3 or more
	Read  int `yaml:"read" json:"read"`   // connections for reading; 2 or more
}

var (
	// DefaultPool is used where nothing else is said.
	DefaultPool = Pool{Write: 8, Read: 16}
	// LeastPool works, slowly.
	LeastPool = Pool{Write: 3, Read: 2}
)

// Store is an open log. All of its methods may be called concurrently.
type Store struct {
	dialect Dialect
	log     *slog.Logger
	now     func() time.Time
	write   *sql.DB // nil when opened read-only; a pool of one on SQLite
	read    *sql.DB

	file    *sqliteFile     // SQLite only
	pg      *pgx.ConnConfig // PostgreSQL only
	commits Signal          // events were committed

	turn            chan struct{} // PostgreSQL: full while a session of this process has the log's lock
	appends         appends
	deaf            minutely // logged
	queue           queue
	looked, written prepared // SQLite: of the two pools

	listen sync.Once
	stop   context.CancelFunc
	life   context.Context
	tasks  sync.WaitGroup
}

// Open connects to the database and checks that it is ours or empty. It does
// not migrate. The error wraps ErrForeign or ErrUnavailable.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Pool == (Pool{}) {
		cfg.Pool = DefaultPool
	}
	s := &Store{log: cfg.Logger, now: cfg.Now, turn: make(chan struct{}, 1)}
	s.life, s.stop = context.WithCancel(context.Background())
	var err error
	switch {
	case strings.HasPrefix(cfg.URL, "sqlite:"):
		s.dialect = SQLite
		err = s.openSQLite(ctx, strings.TrimPrefix(cfg.URL, "sqlite:"), cfg.ReadOnly)
	case isPostgres(cfg.URL):
		s.dialect = Postgres
		err = s.openPostgres(ctx, cfg.URL, cfg.Pool, cfg.ReadOnly)
	default:
		err = fmt.Errorf("%w: database %q: use sqlite:PATH or postgres://…", ErrUnavailable, Redact(cfg.URL))
	}
	if err == nil {
		err = s.recogniseTables(ctx)
	}
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// Close ends the store. Subscribers must have been closed before.
func (s *Store) Close() (err error) {
	s.stop()
	s.queue.close()
	s.tasks.Wait()
	defer func() { err = errors.Join(err, s.file.close()) }()
	for _, pool := range []*sql.DB{s.read, s.write} { // the writer last: on SQLite it checkpoints
		if pool == nil {
			continue
		}
		if e := pool.Close(); e != nil {
			err = e
		}
	}
	return err
}

// Dialect says which kind of database this is.
func (s *Store) Dialect() Dialect { return s.dialect }

// Reader returns the pool for queries; nothing can be written through it.
func (s *Store) Reader() *sql.DB { return s.read }

// Writer returns the pool for writing, nil if the store was opened read-only. It
// is for sessions that last; transactions are begun by InTx and Begin.
func (s *Store) Writer() *sql.DB { return s.write }

// Logger returns the logger that the store was opened with.
func (s *Store) Logger() *slog.Logger { return s.log }
