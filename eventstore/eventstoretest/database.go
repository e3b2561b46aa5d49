package eventstoretest

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"scrapelog/eventstore"
)

// Database is an empty database of one test.
type Database struct {
	Dialect eventstore.Dialect
	URL     string
}

// Each runs f once per dialect, each time with a database of its own.
func Each(t *testing.T, f func(t *testing.T, db Database)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { f(t, Postgres(t)) })
}

// EachBench runs f once per dialect, with a maker of databases.
func EachBench(b *testing.B, f func(b *testing.B, database func(testing.TB) Database)) {
	b.Helper()
	b.Run("sqlite", func(b *testing.B) { f(b, SQLite) })
	b.Run("postgres", func(b *testing.B) { f(b, Postgres) })
}

// SQLite is a new file in a temporary folder.
func SQLite(t testing.TB) Database {
	t.Helper()
	return Database{Dialect: eventstore.SQLite, URL: "sqlite:" + filepath.Join(t.TempDir(), "test.db")}
}

var databases atomic.Int64

// NeedsPostgres skips a test under -short, which runs what needs only Go.
func NeedsPostgres(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs PostgreSQL; make test runs it")
	}
}

// Postgres is a new database of the cluster, dropped when the test ends.
func Postgres(t testing.TB) Database {
	t.Helper()
	NeedsPostgres(t)
	return postgres(t, "")
}

// postgres is a new database of the cluster, made by a statement that ends as given.
func postgres(t testing.TB, as string) Database {
	t.Helper()
	server, err := shared()
	if err != nil {
		t.Fatalf("these tests need PostgreSQL (install the server, or set %s): %v", serverVariable, err)
	}
	name := fmt.Sprintf("scrapelog_test_%d_%d", processID, databases.Add(1))
	admin(t, server, "CREATE DATABASE "+name+as)
	t.Cleanup(func() { admin(t, server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") }) // not, if it was renamed
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return Database{Dialect: eventstore.Postgres, URL: u.String()}
}

// name is that of the database on its server.
func (d Database) name(t testing.TB) string {
	t.Helper()
	u, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Path[1:]
}

func admin(t testing.TB, server, statement string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatal(err)
	}
}

// Open opens and migrates the database and closes it when the test ends.
func (d Database) Open(t testing.TB) *eventstore.Store {
	t.Helper()
	store, err := eventstore.Open(context.Background(), eventstore.Config{URL: d.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if err := store.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return store
}
