package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"scrapelog/eventstore"
)

// shelfVariable names a folder for databases that are filled once: files of SQLite, and
// marks of databases of PostgreSQL. The processes that share it share a server, too.
const shelfVariable = "SCRAPELOG_BENCH_SHELF"

// Shelf makes a folder for the databases of Prepared, in one that is named or among the
// temporary ones, and starts a PostgreSQL server. Processes that are started after it use
// both, until end is called. end is never nil.
func Shelf(in string) (end func(), err error) {
	folder, err := os.MkdirTemp(in, "scrapelog-bench-")
	if err != nil {
		return func() {}, err
	}
	cluster, err := StartCluster()
	if err != nil {
		return func() { _ = os.RemoveAll(folder) }, err
	}
	end = func() {
		cluster.End()
		_ = os.RemoveAll(folder)
	}
	return end, errors.Join(os.Setenv(shelfVariable, folder), os.Setenv(serverVariable, cluster.URL))
}

// Prepared returns a database that fill has filled. With a shelf it is a copy: fill is
// then called once for all that ask for the name.
func Prepared(b testing.TB, dialect eventstore.Dialect, name string, fill func(*eventstore.Store) error) Database {
	b.Helper()
	shelf := os.Getenv(shelfVariable)
	switch {
	case shelf == "" && dialect == eventstore.SQLite:
		return filled(b, SQLite(b), fill)
	case shelf == "":
		return filled(b, Postgres(b), fill)
	case dialect == eventstore.SQLite:
		return fileFrom(b, filepath.Join(shelf, name+".db"), fill)
	}
	return templateFrom(b, "scrapelog_shelf_"+name, fill)
}

func filled(b testing.TB, db Database, fill func(*eventstore.Store) error) Database {
	b.Helper()
	store, err := eventstore.Open(b.Context(), eventstore.Config{URL: db.URL})
	if err != nil {
		b.Fatal(err)
	}
	if err := errors.Join(store.Migrate(b.Context()), fill(store), store.Close()); err != nil {
		b.Fatal(err)
	}
	return db
}

// fileFrom copies a file, which it makes if it is not there.
func fileFrom(b testing.TB, kept string, fill func(*eventstore.Store) error) Database {
	b.Helper()
	if _, err := os.Stat(kept); errors.Is(err, fs.ErrNotExist) {
		filling := filepath.Join(b.TempDir(), "filling.db")
		filled(b, Database{eventstore.SQLite, "sqlite:" + filling}, fill)
		if err := copyFile(filling, kept+".new"); err != nil {
			b.Fatal(err)
		}
		if err := errors.Join(os.Rename(kept+".new", kept), os.Remove(filling)); err != nil {
			b.Fatal(err)
		}
	}
	path := filepath.Join(b.TempDir(), "test.db")
	if err := copyFile(kept, path); err != nil {
		b.Fatal(err)
	}
	return Database{eventstore.SQLite, "sqlite:" + path}
}

// copyFile copies a file to the disk.
func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Sync(), target.Close())
}

// templateFrom copies a database of the server, which it makes if it is not there.
func templateFrom(b testing.TB, kept string, fill func(*eventstore.Store) error) Database {
	b.Helper()
	server, err := shared()
	if err != nil {
		b.Fatal(err)
	}
	conn, err := pgx.Connect(b.Context(), server)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(context.Background())
	var there bool
	var version int
	err = conn.QueryRow(b.Context(), `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1), current_setting('server_version_num')::int`, kept).Scan(&there, &version)
	if err != nil {
		b.Fatal(err)
	}
	if !there {
		filling := filled(b, Postgres(b), fill)
		vacuum(b, filling)
		admin(b, server, fmt.Sprintf("ALTER DATABASE %s RENAME TO %s", filling.name(b), kept))
	}
	template := " TEMPLATE " + kept
	if version >= 150000 {
		template += " STRATEGY FILE_COPY" // the other one writes it all to the WAL
	}
	return postgres(b, template)
}

// vacuum does what autovacuum does soon after so many rows were written.
func vacuum(b testing.TB, db Database) {
	b.Helper()
	admin(b, db.URL, `VACUUM (ANALYZE)`)
}
