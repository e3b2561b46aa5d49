package main

import (
	"context"
	_ "embed"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/google/uuid"

	"scrapelog/eventstore"
)

// messageDB is the npm package whose SQL is installed.
const messageDB = "@eventide/message-db@1.3.1"

//go:embed sql/message_db.sql
var messageDBEquivalent string

// messageDBWrites calls write_message with an expected version. Where npm or psql
// are missing its place is taken by a function that does the same.
func (b *bench) messageDBWrites(ctx context.Context, _ eventstore.Dialect, writers int) (contender, func(), error) {
	label := "message-db"
	url, err := b.installMessageDB(ctx)
	if err != nil {
		b.note("message-db's SQL could not be installed (%v): an equivalent function took its place", err)
		label = "message-db's equivalent"
		if url, err = b.createEquivalent(ctx); err != nil {
			return contender{}, nil, err
		}
	}
	pool, err := openPool(url+"&search_path=message_store,public", writers)
	if err != nil {
		return contender{}, nil, err
	}
	write, err := pool.PrepareContext(ctx, `SELECT write_message($1, $2, $3, $4, $5, $6)`)
	if err != nil {
		return contender{}, nil, err
	}
	events, err := sample()
	if err != nil {
		return contender{}, nil, err
	}
	return contender{name: label, write: func(ctx context.Context, writer int) error {
		e := events[writer%len(events)]
		id := uuid.Must(uuid.NewV7()).String()
		_, err := write.ExecContext(ctx, id, "run-"+id, e.kind, string(e.data), string(e.metadata), -1)
		return err
	}}, func() { _ = pool.Close() }, nil
}

// installMessageDB fetches the package into a folder of its own and runs its
// installer, which makes the database.
func (b *bench) installMessageDB(ctx context.Context) (database string, err error) {
	dir := filepath.Join(b.dir, "message-db")
	fetch := exec.CommandContext(ctx, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", "--prefix", dir, messageDB)
	if out, err := fetch.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm: %w: %s", err, out)
	}
	server, err := url.Parse(b.cluster.URL)
	if err != nil {
		return "", err
	}
	const name = "message_store"
	install := exec.CommandContext(ctx, "bash", filepath.Join(dir, "node_modules/@eventide/message-db/database/install.sh"))
	install.Env = append(os.Environ(), "PGHOST="+server.Hostname(), "PGPORT="+server.Port(), "PGUSER="+server.User.Username(), "DATABASE_NAME="+name)
	if out, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("install.sh: %w: %s", err, out)
	}
	return b.cluster.DatabaseURL(name), nil
}

func (b *bench) createEquivalent(ctx context.Context) (database string, err error) {
	if database, err = b.cluster.CreateDatabase(ctx, "message_db_equivalent"); err != nil {
		return "", err
	}
	pool, err := openPool(database, 1)
	if err != nil {
		return "", err
	}
	defer pool.Close()
	_, err = pool.ExecContext(ctx, messageDBEquivalent)
	return database, err
}
