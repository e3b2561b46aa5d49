package projections

import (
	"embed"
	"fmt"
	"path"
	"strings"
)

// Statements lie one to a file, named <table>.<verb>.sql, and can be pasted into
// psql or sqlite3. In those that also serve a rebuild, comments mark where the
// names of the fresh tables differ: /*next*/ for a table and /*generation*/ for
// an index, whose name cannot be changed afterwards on SQLite.
//
//go:embed sql/*.sql
var files embed.FS

var statements = readStatements()

func readStatements() map[string]string {
	entries, err := files.ReadDir("sql")
	if err != nil {
		panic(err) // embedded: cannot happen in a binary that was built
	}
	read := make(map[string]string, len(entries))
	for _, entry := range entries {
		data, err := files.ReadFile(path.Join("sql", entry.Name()))
		if err != nil {
			panic(err)
		}
		read[strings.TrimSuffix(entry.Name(), ".sql")] = string(data)
	}
	return read
}

// statement is the statement of the given name.
func statement(name string) string {
	s, ok := statements[name]
	if !ok {
		panic(fmt.Sprintf("projections: no statement %s", name))
	}
	return s
}
