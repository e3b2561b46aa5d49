package eventstore

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// sessionSettings make a dead or frozen client give up its locks. The server's
// own keepalives begin after two hours. idle_in_transaction_session_timeout
// must stay above every handler timeout, lock_timeout below. To compile a statement takes
// tens of milliseconds, and the server does that where it expects many rows of a young
// table; none of ours runs as long.
var sessionSettings = map[string]string{
	"application_name":                    "scrapelog",
	"default_transaction_isolation":       "read committed", // a separate statement reads the head, after the lock
	"idle_in_transaction_session_timeout": "15s",
	"jit":                                 "off",
	"lock_timeout":                        "5s",
	"synchronous_commit":                  "on",
	"tcp_keepalives_idle":                 "10",
	"tcp_keepalives_interval":             "5",
	"tcp_keepalives_count":                "3",
}

func (s *Store) openPostgres(ctx context.Context, url string, pool Pool, readOnly bool) error {
	cfg, err := parsePostgres(url)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	cfg.AfterConnect = noIdleLimit
	dialer := net.Dialer{
		Timeout:         5 * time.Second,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3},
	}
	cfg.DialFunc = dialer.DialContext
	for name, value := range sessionSettings {
		if _, set := cfg.RuntimeParams[name]; !set {
			cfg.RuntimeParams[name] = value
		}
	}
	s.pg = cfg
	// Queries read the beginning of a list in the order of its index. A bitmap scan
	// first collects every match, and a generic plan chooses it where it expects few:
	// wrong for a scraper that runs more often than others.
	reading := cfg.Copy()
	reading.RuntimeParams = maps.Clone(cfg.RuntimeParams)
	reading.RuntimeParams["enable_bitmapscan"] = "off"
	s.read = s.openPool(reading, pool.Read, "on")
	if !readOnly {
		// PostgreSQL would plan statements that take arrays at each execution, which
		// costs more than running them; no plan of a write depends on its values.
		cfg = cfg.Copy()
		cfg.RuntimeParams = maps.Clone(cfg.RuntimeParams)
		cfg.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
		s.write = s.openPool(cfg, pool.Write, "off")
	}
	if !readOnly {
		if err := s.checkDirect(ctx); err != nil {
			return err
		}
	}
	if err := s.recognisePostgres(ctx); err != nil || readOnly {
		return err
	}
	return s.countConnections(ctx, pool.Write+pool.Read+1)
}

func (s *Store) openPool(cfg *pgx.ConnConfig, size int, readOnly string) *sql.DB {
	cfg = cfg.Copy()
	cfg.RuntimeParams = maps.Clone(cfg.RuntimeParams)
	cfg.RuntimeParams["default_transaction_read_only"] = readOnly
	pool := sql.OpenDB(connector{stdlib.GetConnector(*cfg), s})
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	return pool
}

func (s *Store) recognisePostgres(ctx context.Context) error {
	var schema sql.NullString
	var path string
	err := s.read.QueryRowContext(ctx, `SELECT current_schema(), current_setting('search_path')`).Scan(&schema, &path)
	if err != nil {
		return Unavailable(ctx, "schema", err)
	}
	if !schema.Valid {
		return fmt.Errorf("%w: no schema of search_path (%s) is in database %q; make it, or name another in the URL", ErrUnavailable, path, s.pg.Database)
	}
	var tables, ours int
	err = s.read.QueryRowContext(ctx, `SELECT count(*), count(*) FILTER (WHERE tablename = $1)
		FROM pg_tables WHERE schemaname = current_schema()`, migrationsTable).Scan(&tables, &ours)
	if err != nil {
		return Unavailable(ctx, "tables", err)
	}
	if tables > 0 && ours == 0 {
		return fmt.Errorf("%w: schema of database %q holds the tables of another program", ErrForeign, s.pg.Database)
	}
	_, _, err = s.Migrated(ctx)
	return err
}

// countConnections warns where the server grants fewer connections than the pools
// may open.
func (s *Store) countConnections(ctx context.Context, needed int) error {
	var server, database, role int
	err := s.read.QueryRowContext(ctx, `SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
		(SELECT datconnlimit FROM pg_database WHERE datname = current_database()),
		(SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user)`).Scan(&server, &database, &role)
	if err != nil {
		return Unavailable(ctx, "connection limits", err)
	}
	granted := server
	for _, limit := range []int{database, role} {
		if limit >= 0 { // -1: none
			granted = min(granted, limit)
		}
	}
	if granted < needed {
		s.log.Warn("the database grants fewer connections than this instance may open; set pool, or raise the limit",
			"granted", granted, "needed", needed)
	}
	return nil
}
