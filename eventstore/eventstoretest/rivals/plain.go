package rivals

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver
	_ "modernc.org/sqlite"             // the driver

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

const (
	// A table of events that nothing guards but its keys.
	plainCreateSQLite = `CREATE TABLE plain (
  position    INTEGER PRIMARY KEY,
  stream      TEXT    NOT NULL,
  version     INTEGER NOT NULL,
  id          TEXT    NOT NULL UNIQUE,
  type        TEXT    NOT NULL,
  data        TEXT    NOT NULL,
  metadata    TEXT    NOT NULL,
  recorded_at INTEGER NOT NULL,
  UNIQUE (stream, version)
) STRICT`
	// A table of events that nothing guards but its keys.
	plainCreatePostgres = `CREATE TABLE plain (
  position    bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  stream      text   NOT NULL,
  version     bigint NOT NULL,
  id          uuid   NOT NULL UNIQUE,
  type        text   NOT NULL,
  data        json   NOT NULL,
  metadata    json   NOT NULL,
  recorded_at bigint NOT NULL,
  UNIQUE (stream, version)
)`
	plainInsert = `INSERT INTO plain (stream, version, id, type, data, metadata, recorded_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`
)

// openPool opens a database for a rival, as durable as the log. On SQLite a pool
// of one connection serves writers fastest: they would only wait for each other.
func openPool(b *testing.B, url string, size int) *sql.DB {
	b.Helper()
	driver, dsn := "pgx", url
	if path, lite := strings.CutPrefix(url, "sqlite:"); lite {
		driver, dsn, size = "sqlite", sqliteDSN(path), 1
	}
	pool, err := sql.Open(driver, dsn)
	if err != nil {
		b.Fatal(err)
	}
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	b.Cleanup(func() { _ = pool.Close() })
	return pool
}

func sqliteDSN(path string) string {
	query := url.Values{"_txlock": {"immediate"}, "_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)"}}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String()
}

// Plain is a table of events that only its keys guard.
type Plain struct {
	pool   *sql.DB
	insert *sql.Stmt
}

// NewPlain makes the table in a database and closes it with the benchmark.
func NewPlain(b *testing.B, db eventstoretest.Database, writers int) *Plain {
	b.Helper()
	pool := openPool(b, db.URL, writers)
	create := plainCreateSQLite
	if db.Dialect == eventstore.Postgres {
		create = plainCreatePostgres
	}
	if _, err := pool.ExecContext(b.Context(), create); err != nil {
		b.Fatal(err)
	}
	return &Plain{pool, prepare(b, pool, plainInsert)}
}

func prepare(b *testing.B, pool *sql.DB, query string) *sql.Stmt {
	b.Helper()
	statement, err := pool.PrepareContext(b.Context(), query)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = statement.Close() })
	return statement
}

// Each is the contender that inserts one row in one transaction.
func (p *Plain) Each() Contender {
	return Contender{Name: "plain", Write: func(ctx context.Context, writer int) error {
		_, err := p.insert.ExecContext(ctx, row(writer)...)
		return err
	}}
}

// Batches is the contender that inserts n rows in one transaction, a hundred in
// one statement.
func (p *Plain) Batches(b *testing.B, n int) Contender {
	const together = 100
	hundred := prepare(b, p.pool, plainInsert+more(together, 7))
	return Contender{Name: "plain", Events: n, Write: func(ctx context.Context, _ int) error {
		tx, err := p.pool.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		for at := 0; at < n; at += together {
			var args []any
			for i := range together {
				args = append(args, row(at+i)...)
			}
			if _, err := tx.StmtContext(ctx, hundred).ExecContext(ctx, args...); err != nil {
				return err
			}
		}
		return tx.Commit()
	}}
}

// more is the rest of a VALUES list whose first row has its parameters already.
func more(rows, columns int) string {
	var list strings.Builder
	for r := 1; r < rows; r++ {
		list.WriteString(", (")
		for c := range columns {
			if c > 0 {
				list.WriteString(", ")
			}
			fmt.Fprintf(&list, "$%d", r*columns+c+1)
		}
		list.WriteString(")")
	}
	return list.String()
}

func row(i int) []any {
	e := Row(i)
	return []any{e.Stream, e.Version, e.ID, e.Type, e.Data, e.Metadata, e.RecordedAt}
}

// Row is an ordinary event as it is stored, the first of its stream.
func Row(i int) eventstore.Stored {
	e, id := sample[i%len(sample)], uuid.Must(uuid.NewV7()).String()
	return eventstore.Stored{
		Stream: "run-" + id, Version: 1, ID: id, Type: e.Type, RecordedAt: time.Now().UnixMicro(),
		Data: string(e.Data), Metadata: string(e.Metadata),
	}
}
