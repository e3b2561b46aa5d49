package eventstore

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// migrationsTable is also how a database is known to be ours. Changing the name
// makes every existing database a foreign one.
const migrationsTable = "scrapelog_migrations"

//go:embed migrations
var migrations embed.FS

// Migrate brings the schema to the newest version. Several instances may call
// it at once.
func (s *Store) Migrate(ctx context.Context) error {
	if s.write == nil {
		return ErrReadOnly
	}
	current, _, err := s.Migrated(ctx)
	if err != nil {
		return err
	}
	provider, err := s.migrator()
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	for before := current; ; before = current {
		_, err := provider.Up(ctx)
		if err == nil {
			return nil
		}
		// Nothing keeps two processes from migrating one file: the second fails on
		// what the first has done, and goes on from there.
		now, latest, failed := s.Migrated(ctx)
		if failed != nil {
			return failed
		}
		if current = now; current == before {
			return Unavailable(ctx, "migrate", err)
		}
		if current == latest {
			return nil
		}
	}
}

func (s *Store) migrator() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations/"+string(s.dialect))
	if err != nil {
		return nil, err
	}
	options := []goose.ProviderOption{
		goose.WithTableName(migrationsTable), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()),
	}
	if s.dialect == SQLite {
		return goose.NewProvider(goose.DialectSQLite3, s.write, files, options...)
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, s.write, files, append(options, goose.WithSessionLocker(locker))...)
}

// Migrated says which version the schema has, 0 for an empty database, and
// which one this program wants. It writes nothing. The error wraps ErrForeign when the
// schema is newer than this program.
func (s *Store) Migrated(ctx context.Context) (current, latest int64, err error) {
	return s.migratedIn(ctx, s.read)
}

func (s *Store) migratedIn(ctx context.Context, from Querier) (current, latest int64, err error) {
	files, err := fs.Glob(migrations, "migrations/"+string(s.dialect)+"/*.sql")
	if err != nil {
		return 0, 0, err
	}
	for _, file := range files {
		version, err := goose.NumericComponent(file)
		if err != nil {
			return 0, 0, err
		}
		latest = max(latest, version)
	}
	exists, err := s.hasTable(ctx, from, migrationsTable)
	if err == nil && exists {
		err = from.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM `+migrationsTable).Scan(&current)
	}
	if err != nil {
		return 0, 0, Unavailable(ctx, "schema version", err)
	}
	if current > latest {
		return 0, 0, Newer("its schema", current, latest)
	}
	return current, latest, nil
}

// HasTable reports whether the database has a table of that name.
func (s *Store) HasTable(ctx context.Context, name string) (bool, error) {
	return s.hasTable(ctx, s.read, name)
}

func (s *Store) hasTable(ctx context.Context, from Querier, name string) (exists bool, err error) {
	query := s.dialect.Pick(
		`SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1)`,
		`SELECT EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = $1)`)
	return exists, from.QueryRowContext(ctx, query, name).Scan(&exists)
}

// newerError: a newer version of this program has used the database.
type newerError string

func (e newerError) Error() string { return string(e) }
func (e newerError) Unwrap() error { return ErrForeign }

// Newer returns an ErrForeign: a newer version of this program has used the database, in
// which what has that version, and this program knows versions up to latest.
func Newer(what string, version, latest int64) error {
	return newerError(fmt.Sprintf("the database was used by a newer scrapelog: %s has version %d, and this program knows versions up to %d; "+
		"run the newer program, or go back to a backup from before the upgrade", what, version, latest))
}
