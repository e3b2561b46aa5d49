package rivals

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"scrapelog/eventstore/eventstoretest"
)

// messageDB is the npm package whose SQL is installed.
const messageDB = "@eventide/message-db@1.3.1"

// MessageDB is the contender that calls write_message with an expected version.
// Its package comes from npm; without npm the benchmark says so and goes on
// without this contender.
func MessageDB(b *testing.B, db eventstoretest.Database, writers int) (c Contender, found bool) {
	b.Helper()
	dir := b.TempDir()
	fetch := exec.CommandContext(b.Context(), "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", "--prefix", dir, messageDB)
	if out, err := fetch.CombinedOutput(); err != nil {
		b.Logf("message-db is not compared with: npm: %v: %s", err, out)
		return Contender{}, false
	}
	server, err := url.Parse(db.URL)
	if err != nil {
		b.Fatal(err)
	}
	install := exec.CommandContext(b.Context(), "bash", filepath.Join(dir, "node_modules/@eventide/message-db/database/install.sh"))
	install.Env = append(os.Environ(), "PGHOST="+server.Hostname(), "PGPORT="+server.Port(), "PGUSER="+server.User.Username(),
		"DATABASE_NAME="+server.Path[1:], "CREATE_DATABASE=off")
	if out, err := install.CombinedOutput(); err != nil {
		b.Logf("message-db is not compared with: install.sh: %v: %s", err, out)
		return Contender{}, false
	}
	query := server.Query()
	query.Set("search_path", "message_store,public")
	server.RawQuery = query.Encode()
	write := prepare(b, openPool(b, server.String(), writers), `SELECT write_message($1, $2, $3, $4, $5, $6)`)
	return Contender{Name: "message-db", Write: func(ctx context.Context, writer int) error {
		e := sample[writer%len(sample)]
		id := uuid.Must(uuid.NewV7()).String()
		_, err := write.ExecContext(ctx, id, "run-"+id, e.Type, string(e.Data), string(e.Metadata), -1)
		return err
	}}, true
}
