package eventstore

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pressly/goose/v3"
)

// schemaFlaws compares triggers, tables and functions with what the migrations make
// of an empty database.
func (s *Store) schemaFlaws(ctx context.Context) ([]Flaw, error) {
	if s.dialect == Postgres {
		return s.schemaFlawsPostgres(ctx)
	}
	return s.schemaFlawsSQLite(ctx)
}

// object is a row of sqlite_schema.
type object struct{ kind, name, table, sql string }

const objectsSQLite = `SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite\_%' ESCAPE '\'`

func readObjects(ctx context.Context, from Querier) (map[string]object, error) {
	objects := map[string]object{}
	err := EachRow(ctx, from, objectsSQLite, nil, func(row Scanner) error {
		var o object
		err := row.Scan(&o.kind, &o.name, &o.table, &o.sql)
		objects[o.name] = o
		return err
	})
	return objects, err
}

// madeSQLite is the schema that the migrations make.
var madeSQLite = sync.OnceValues(func() (map[string]object, error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	files, err := fs.Sub(migrations, "migrations/"+string(SQLite))
	if err != nil {
		return nil, err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithTableName(migrationsTable), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	if _, err := provider.Up(ctx); err != nil {
		return nil, err
	}
	objects, err := readObjects(ctx, db)
	delete(objects, migrationsTable)
	return objects, err
})

func (s *Store) schemaFlawsSQLite(ctx context.Context) (flaws []Flaw, err error) {
	if info, err := os.Stat(s.file.path); err == nil && info.Mode().Perm()&0o022 != 0 {
		flaws = append(flaws, Flaw{FlawGrant, "", fmt.Sprintf("the database %s can be written by other users (mode %04o): run \"chmod 600 %[1]s\"", s.file.path, info.Mode().Perm())})
	}
	want, err := madeSQLite()
	if err != nil {
		return nil, fmt.Errorf("schema of the migrations: %w", err)
	}
	have, err := readObjects(ctx, s.From(ctx))
	if err != nil {
		return nil, Unavailable(ctx, "schema", err)
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		w := want[name]
		switch h, there := have[name]; {
		case !there:
			flaws = append(flaws, flawOf(FlawSchema, w.table, "the %s %s is missing: %s", w.kind, name, distrusted))
		case h.kind != w.kind || h.table != w.table || plainSQL(h.sql) != plainSQL(w.sql):
			flaws = append(flaws, flawOf(FlawSchema, w.table, "the %s %s is not the one that scrapelog made: %s", w.kind, name, distrusted))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		h := have[name]
		if _, ours := want[h.table]; ours && h.kind == "trigger" && want[name] == (object{}) {
			flaws = append(flaws, flawOf(FlawSchema, h.table, "the trigger %s is not scrapelog's: %s", name, distrusted))
		}
	}
	return flaws, nil
}

var sqlNoise = regexp.MustCompile(`--[^\n]*|\s+`)

// plainSQL is a statement without comments and line breaks.
func plainSQL(statement string) string {
	return strings.Join(strings.Fields(sqlNoise.ReplaceAllString(statement, " ")), " ")
}

// restoreSchema makes the triggers again that are not as they must be, and takes
// away those that are not ours. A table is not mended.
func (s *Store) restoreSchema(ctx context.Context, tx *sql.Tx) error {
	if s.dialect == Postgres {
		return s.restorePostgres(ctx, tx)
	}
	want, err := madeSQLite()
	if err != nil {
		return err
	}
	have, err := readObjects(ctx, tx)
	if err != nil {
		return Unavailable(ctx, "schema", err)
	}
	var statements []string
	for name, h := range have {
		if _, ours := want[h.table]; ours && h.kind == "trigger" && plainSQL(want[name].sql) != plainSQL(h.sql) {
			statements = append(statements, `DROP TRIGGER "`+strings.ReplaceAll(name, `"`, `""`)+`"`)
			delete(have, name)
		}
	}
	for name, w := range want {
		if _, there := have[name]; !there && w.kind != "table" && w.sql != "" {
			statements = append(statements, w.sql)
		}
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return Unavailable(ctx, "restore the schema", err)
		}
	}
	return nil
}
