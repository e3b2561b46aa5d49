package eventstore

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// made is what the migrations of PostgreSQL make beside tables: the newest
// definition of each trigger and function.
type made struct {
	functions map[string]function
	triggers  map[string]trigger
	tables    []string
}

type function struct{ body, statement string }

type trigger struct {
	table, function string
	kind            int  // the bits of pg_trigger.tgtype
	always          bool // it fires under any session_replication_role
	statement       string
}

var (
	createsFunction = regexp.MustCompile(`(?is)CREATE\s+(?:OR\s+REPLACE\s+)?FUNCTION\s+(\w+)\s*\([^;]*?\$\$(.*?)\$\$[^;]*;`)
	createsTrigger  = regexp.MustCompile(`(?is)CREATE\s+(?:OR\s+REPLACE\s+)?TRIGGER\s+(\w+)\s+(BEFORE|AFTER)\s+([A-Z ]+?)\s+ON\s+(\w+)\s+(.*?)FOR\s+EACH\s+(ROW|STATEMENT)\s+EXECUTE\s+FUNCTION\s+(\w+)\(\)\s*;`)
	enablesAlways   = regexp.MustCompile(`(?is)ALTER\s+TABLE\s+\w+\s+ENABLE\s+ALWAYS\s+TRIGGER\s+(\w+)\s*;`)
	dropsTrigger    = regexp.MustCompile(`(?is)DROP\s+TRIGGER\s+(?:IF\s+EXISTS\s+)?(\w+)`)
	dropsFunction   = regexp.MustCompile(`(?is)DROP\s+FUNCTION\s+(?:IF\s+EXISTS\s+)?(\w+)`)
	gooseDown       = regexp.MustCompile(`(?s)-- \+goose Down.*`)
)

// triggerBits are those of pg_trigger.tgtype.
var triggerBits = map[string]int{"ROW": 1, "BEFORE": 2, "INSERT": 4, "DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}

var madePostgres = sync.OnceValues(func() (made, error) {
	m := made{functions: map[string]function{}, triggers: map[string]trigger{}}
	files, err := fs.Glob(migrations, "migrations/"+string(Postgres)+"/*.sql")
	if err != nil {
		return m, err
	}
	for _, file := range files { // in order
		text, err := fs.ReadFile(migrations, file)
		if err != nil {
			return m, err
		}
		m.read(gooseDown.ReplaceAllString(string(text), ""))
	}
	m.tables, err = Postgres.ownTables()
	return m, err
})

func (m made) read(text string) {
	for _, found := range dropsTrigger.FindAllStringSubmatch(text, -1) {
		delete(m.triggers, found[1])
	}
	for _, found := range dropsFunction.FindAllStringSubmatch(text, -1) {
		delete(m.functions, found[1])
	}
	for _, found := range createsFunction.FindAllStringSubmatch(text, -1) {
		m.functions[found[1]] = function{found[2], found[0]}
	}
	for _, found := range createsTrigger.FindAllStringSubmatch(text, -1) {
		t := trigger{table: found[4], function: found[7], statement: found[0]}
		for word := range strings.FieldsSeq(strings.ToUpper(found[2] + " " + found[3] + " " + found[6])) {
			t.kind |= triggerBits[word]
		}
		m.triggers[found[1]] = t
	}
	for _, found := range enablesAlways.FindAllStringSubmatch(text, -1) {
		t := m.triggers[found[1]]
		t.always = true
		m.triggers[found[1]] = t
	}
}

var (
	// The triggers of the tables in this schema.
	schemaTriggers = `SELECT t.tgname, c.relname, p.proname, t.tgtype, t.tgenabled::text, t.tgqual IS NOT NULL OR t.tgattr::text <> ''
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal AND c.relnamespace = to_regnamespace(current_schema())`
	// The functions of this schema and their bodies.
	schemaFunctions = `SELECT proname, prosrc FROM pg_proc WHERE pronamespace = to_regnamespace(current_schema())`
	//go:embed sql/postgres/schema.tables.sql
	schemaTables string
	// Roles other than its owner that may change rows or triggers of the log.
	schemaGrants = `SELECT c.relname, coalesce(nullif(acl.grantee, 0)::regrole::text, 'PUBLIC') || ' may ' || string_agg(acl.privilege_type, ', ' ORDER BY acl.privilege_type)
  || ' there: revoke that'
FROM pg_class c, aclexplode(c.relacl) AS acl
WHERE c.relnamespace = to_regnamespace(current_schema()) AND c.relname = 'events' AND acl.grantee <> c.relowner
  AND acl.privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
GROUP BY c.relname, acl.grantee
ORDER BY 1, 2`
)

// found is a trigger of the database.
type foundTrigger struct {
	trigger
	name     string
	enabled  string // O: for sessions that do not replay; A: always; D: never; R
	narrowed bool   // by WHEN, or to columns
}

func (s *Store) foundTriggers(ctx context.Context, from Querier) (map[string]foundTrigger, error) {
	found := map[string]foundTrigger{}
	err := EachRow(ctx, from, schemaTriggers, nil, func(row Scanner) error {
		var t foundTrigger
		err := row.Scan(&t.name, &t.table, &t.function, &t.kind, &t.enabled, &t.narrowed)
		found[t.name] = t
		return err
	})
	return found, Unavailable(ctx, "triggers", err)
}

func (w trigger) same(h foundTrigger) bool {
	return h.table == w.table && h.function == w.function && h.kind == w.kind && !h.narrowed
}

func (w trigger) enabled() string {
	if w.always {
		return "A"
	}
	return "O"
}

func (s *Store) schemaFlawsPostgres(ctx context.Context) (flaws []Flaw, err error) {
	want, err := madePostgres()
	if err != nil {
		return nil, fmt.Errorf("schema of the migrations: %w", err)
	}
	have, err := s.foundTriggers(ctx, s.From(ctx))
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(want.triggers)) {
		w := want.triggers[name]
		switch h, there := have[name]; {
		case !there:
			flaws = append(flaws, flawOf(FlawSchema, w.table, "the trigger %s is missing: %s", name, distrusted))
		case !w.same(h):
			flaws = append(flaws, flawOf(FlawSchema, w.table, "the trigger %s is not the one that scrapelog made: %s", name, distrusted))
		case h.enabled != w.enabled():
			flaws = append(flaws, flawOf(FlawSchema, w.table, "the trigger %s is disabled: %s", name, distrusted))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if h := have[name]; want.triggers[name].statement == "" && slices.Contains(want.tables, h.table) {
			flaws = append(flaws, flawOf(FlawSchema, h.table, "the trigger %s is not scrapelog's: %s", name, distrusted))
		}
	}
	functions, err := s.functionFlaws(ctx, want)
	if err != nil {
		return nil, err
	}
	for _, query := range []struct {
		kind FlawKind
		sql  string
	}{{FlawSchema, schemaTables}, {FlawGrant, schemaGrants}} {
		more, err := Select(ctx, s.From(ctx), "schema", func(row Scanner) (Flaw, error) {
			var table, says string
			err := row.Scan(&table, &says)
			return flawOf(query.kind, table, "%s", says), err
		}, query.sql)
		if err != nil {
			return nil, err
		}
		flaws = append(flaws, more...)
	}
	return append(flaws, functions...), nil
}

// functionFlaws compares bodies: PostgreSQL keeps them as they were written.
func (s *Store) functionFlaws(ctx context.Context, want made) (flaws []Flaw, err error) {
	have := map[string]string{}
	err = EachRow(ctx, s.From(ctx), schemaFunctions, nil, func(row Scanner) error {
		var name, body string
		err := row.Scan(&name, &body)
		have[name] = body
		return err
	})
	for _, name := range slices.Sorted(maps.Keys(want.functions)) {
		if body, there := have[name]; !there {
			flaws = append(flaws, flawOf(FlawSchema, "events", "the function %s is missing: %s", name, distrusted))
		} else if body != want.functions[name].body {
			flaws = append(flaws, flawOf(FlawSchema, "events", "the function %s is not the one that scrapelog made: %s", name, distrusted))
		}
	}
	return flaws, Unavailable(ctx, "functions", err)
}

// restorePostgres makes functions and triggers again.
func (s *Store) restorePostgres(ctx context.Context, tx *sql.Tx) error {
	want, err := madePostgres()
	if err != nil {
		return err
	}
	have, err := s.foundTriggers(ctx, tx)
	if err != nil {
		return err
	}
	var statements []string
	for name, h := range have {
		if w := want.triggers[name]; slices.Contains(want.tables, h.table) && !w.same(h) {
			statements = append(statements, fmt.Sprintf(`DROP TRIGGER "%s" ON %s`, strings.ReplaceAll(name, `"`, `""`), h.table))
			delete(have, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want.functions)) {
		f := want.functions[name].statement
		statements = append(statements, regexp.MustCompile(`(?i)^CREATE\s+(OR\s+REPLACE\s+)?FUNCTION`).ReplaceAllString(f, "CREATE OR REPLACE FUNCTION"))
	}
	for _, name := range slices.Sorted(maps.Keys(want.triggers)) {
		w := want.triggers[name]
		if _, there := have[name]; !there {
			statements = append(statements, w.statement)
		}
		always := ""
		if w.always {
			always = "ALWAYS "
		}
		statements = append(statements, fmt.Sprintf(`ALTER TABLE %s ENABLE %sTRIGGER %s`, w.table, always, name))
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return Unavailable(ctx, "restore the schema", err)
		}
	}
	return nil
}
