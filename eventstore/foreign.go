package eventstore

import (
	"context"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

var createsTable = regexp.MustCompile(`(?im)^CREATE TABLE (?:IF NOT EXISTS )?(\w+)`)

// ownTables names every table that the migrations make.
func (d Dialect) ownTables() ([]string, error) {
	names := []string{migrationsTable}
	files, err := fs.Glob(migrations, "migrations/"+string(d)+"/*.sql")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := fs.ReadFile(migrations, file)
		if err != nil {
			return nil, err
		}
		for _, found := range createsTable.FindAllSubmatch(text, -1) {
			names = append(names, string(found[1]))
		}
	}
	return names, nil
}

const (
	oddTablesSQLite = `SELECT coalesce(group_concat(name, ', '), '') FROM sqlite_schema
		WHERE instr($1, ' ' || name || ' ') > 0 AND (type <> 'table' OR sql LIKE 'CREATE VIRTUAL%')`
	oddTablesPostgres = `SELECT coalesce(string_agg(relname, ', '), '') FROM pg_class
		WHERE relnamespace = to_regnamespace(current_schema()) AND strpos($1, ' ' || relname || ' ') > 0 AND relkind <> 'r'`
)

// recogniseTables refuses a database in which something else than a table has the
// name of one of ours: a view named events may do anything when it is read, and
// never end.
func (s *Store) recogniseTables(ctx context.Context) error {
	names, err := s.dialect.ownTables()
	if err != nil {
		return err
	}
	var odd string
	query := s.dialect.Pick(oddTablesSQLite, oddTablesPostgres)
	if err := s.read.QueryRowContext(ctx, query, " "+strings.Join(names, " ")+" ").Scan(&odd); err != nil {
		return Unavailable(ctx, "schema", err)
	}
	if odd != "" {
		return fmt.Errorf("%w: %s must be tables and are not", ErrForeign, odd)
	}
	return nil
}
