package main

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver

	"scrapelog/eventstore"
)

var (
	//go:embed sql/plain.create.sqlite.sql
	plainCreateSQLite string
	//go:embed sql/plain.create.postgres.sql
	plainCreatePostgres string
	//go:embed sql/plain.insert.sql
	plainInsert string
)

// openPool opens a database for a rival, as durable as the log. On SQLite a pool
// of one connection serves writers fastest: they would only wait for each other.
func openPool(url string, size int) (*sql.DB, error) {
	path, lite := strings.CutPrefix(url, "sqlite:")
	if !lite {
		cfg, err := pgx.ParseConfig(url)
		if err != nil {
			return nil, err
		}
		pool := stdlib.OpenDB(*cfg)
		pool.SetMaxOpenConns(size)
		pool.SetMaxIdleConns(size)
		return pool, nil
	}
	pool, err := sql.Open("sqlite", sqliteDSN(path))
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	return pool, nil
}

func sqliteDSN(path string) string {
	query := url.Values{"_txlock": {"immediate"}, "_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)"}}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String()
}

// plainInserts is a prepared one-row INSERT, each its own transaction.
func (b *bench) plainInserts(ctx context.Context, d eventstore.Dialect, writers int) (contender, func(), error) {
	pool, insert, err := b.plainTable(ctx, d, writers)
	if err != nil {
		return contender{}, nil, err
	}
	events, err := sample()
	if err != nil {
		return contender{}, nil, err
	}
	write := func(ctx context.Context, writer int) error {
		e := events[writer%len(events)]
		id := uuid.Must(uuid.NewV7()).String()
		_, err := insert.ExecContext(ctx, "run-"+id, 1, id, e.kind, string(e.data), string(e.metadata), time.Now().UnixMicro())
		return err
	}
	return contender{name: "plain INSERT", write: write}, func() { _ = pool.Close() }, nil
}

func (b *bench) plainTable(ctx context.Context, d eventstore.Dialect, writers int) (*sql.DB, *sql.Stmt, error) {
	url, err := b.database(ctx, d)
	if err != nil {
		return nil, nil, err
	}
	pool, err := openPool(url, writers)
	if err != nil {
		return nil, nil, err
	}
	create := plainCreateSQLite
	if d == eventstore.Postgres {
		create = plainCreatePostgres
	}
	if _, err := pool.ExecContext(ctx, create); err != nil {
		return nil, nil, fmt.Errorf("plain table: %w", err)
	}
	insert, err := pool.PrepareContext(ctx, plainInsert)
	return pool, insert, err
}
