package projections

import (
	"fmt"
	"strings"

	"scrapelog/eventstore"
)

// column is one column of a row: its name, and where it is scanned to and written
// from. The first column of a table is its key. The statements of a table follow
// from its list of columns.
type column struct {
	name string
	field
	option
}

type option int

const (
	required option = 1 << iota // NOT NULL, though its type has NULL for what is unset
	fixed                       // never changes after the first INSERT: left out of the update, it spares indexes
)

// table is one table of a projection.
type table struct {
	name    string
	columns []column
	indexes []index
	roomy   bool // on PostgreSQL pages have room for new versions of their rows; without other indexes, an update then writes to none
}

type index struct{ name, on string }

// names lists the columns.
func (t table) names() []string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	return names
}

// create is the CREATE TABLE. Rows are scanned from SELECT * in the order of the columns.
func (t table) create(at place) string {
	lines := make([]string, len(t.columns))
	for i, c := range t.columns {
		lines[i] = "  " + c.name + " " + c.sqlType()
		switch {
		case i == 0:
			lines[i] += " PRIMARY KEY"
		case c.notNull() || c.option&required != 0:
			lines[i] += " NOT NULL"
		}
	}
	create := "CREATE TABLE " + t.name + at.next + " (\n" + strings.Join(lines, ",\n") + "\n)"
	if t.roomy && at.dialect == eventstore.Postgres {
		create += " WITH (fillfactor = 50)"
	}
	return create
}

// index is the CREATE INDEX. The name of an index cannot be changed on SQLite, so it
// is another one in each rebuild.
func (t table) index(at place, i index) string {
	return "CREATE INDEX " + i.name + at.generation + " ON " + t.name + at.next + " " + i.on
}

// some is the query for the rows with the keys of a JSON object.
func (t table) some(at place) string {
	return at.dialect.OfKeys("*", t.name+at.next, t.columns[0].name)
}

// put is the upsert of one row.
func (t table) put(at place) string {
	values := make([]string, len(t.columns))
	for i := range values {
		values[i] = fmt.Sprintf("$%d", i+1)
		if at.dialect == eventstore.SQLite { // which looks for $1 by its name, among all others
			values[i] = "?"
		}
	}
	return t.upsert(at, "VALUES ("+strings.Join(values, ", ")+")")
}

// putVectors is the upsert of as many rows as the arrays have, one array for each
// column. It is for PostgreSQL.
func (t table) putVectors(at place) string {
	arrays := make([]string, len(t.columns))
	for i, c := range t.columns {
		arrays[i] = fmt.Sprintf("$%d::%s[]", i+1, c.sqlType())
	}
	return t.upsert(at, "SELECT * FROM unnest("+strings.Join(arrays, ", ")+")")
}

func (t table) upsert(at place, rows string) string {
	var set []string
	for _, c := range t.columns[1:] {
		if c.option&fixed == 0 {
			set = append(set, c.name+" = excluded."+c.name)
		}
	}
	return "INSERT INTO " + t.name + at.next + " (" + strings.Join(t.names(), ", ") + ")\n" + rows +
		"\nON CONFLICT (" + t.columns[0].name + ") DO UPDATE SET " + strings.Join(set, ", ")
}

// Columns names the columns of a table of a projection in the order of its rows'
// values.
func Columns(name string) []string {
	for _, p := range All() {
		for _, t := range p.tables {
			if t.name == name {
				return t.names()
			}
		}
	}
	panic("projections: no table " + name)
}
