package proof

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"scrapelog/eventstore"
)

// Files says where the proof of a log is kept: outside its database.
type Files struct {
	Key         string // 0600; its holder can sign
	Checkpoints string // grows by a note for each seal
}

const (
	keyFile         = "audit.key"
	checkpointsFile = "audit.checkpoints"
)

// FilesOf fills in the files that configured leaves out: the checkpoints are beside a
// configured key; without one both files are in the database's folder under
// $XDG_STATE_HOME/scrapelog, else ~/.local/state/scrapelog.
//
// The folder is named after the database as its server or the file system knows
// it: the symlink-resolved path of a SQLite file; the system identifier of a
// PostgreSQL cluster, with the names of database and schema, so that every
// instance finds the same name, however its URL is written. A database that is moved,
// or restored into a new cluster, has a new name: configure the key then.
func FilesOf(ctx context.Context, store *eventstore.Store, configured Files) (Files, error) {
	files := configured
	if files.Key == "" {
		dir, err := stateDir(ctx, store)
		if err != nil {
			return Files{}, err
		}
		files.Key = filepath.Join(dir, keyFile)
	}
	if files.Checkpoints == "" {
		files.Checkpoints = filepath.Join(filepath.Dir(files.Key), checkpointsFile)
	}
	return files, nil
}

func stateDir(ctx context.Context, store *eventstore.Store) (string, error) {
	name, err := folderName(ctx, store)
	if err != nil {
		return "", err
	}
	// A relative path is to be ignored: XDG Base Directory Specification.
	if state := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "scrapelog", name), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no place for the key of the log; configure audit.key: %w", err)
	}
	return filepath.Join(home, ".local", "state", "scrapelog", name), nil
}

// keptIn returns the mark of the checkpoints that this machine keeps in a file. On
// PostgreSQL instances keep a file each, and each has all checkpoints that it
// signed; one process seals a SQLite file, so that its copy outside has them all.
func keptIn(dialect eventstore.Dialect, checkpoints string) string {
	if dialect == eventstore.SQLite {
		return ""
	}
	host, _ := os.Hostname() // a name that is unknown is the same every time
	if path, err := filepath.Abs(checkpoints); err == nil {
		checkpoints = path
	}
	digest := sha256.Sum256([]byte(host + "\x00" + checkpoints))
	return hex.EncodeToString(digest[:6])
}

// The file, as SQLite opened it.
const identitySQLite = `SELECT file, 'sqlite ' || file FROM pragma_database_list WHERE name = 'main'`

// The cluster, the database and the schema, however they are reached.
const identityPostgres = `SELECT current_database(), concat_ws(' ', 'postgres', system_identifier, current_database(), current_schema())
FROM pg_control_system()`

// folderName returns a readable name of the database with a digest of its identity. If
// it changes, no key and no outside copy is found any more.
func folderName(ctx context.Context, store *eventstore.Store) (string, error) {
	var name, identity string
	query := store.Dialect().Pick(identitySQLite, identityPostgres)
	if err := store.Reader().QueryRowContext(ctx, query).Scan(&name, &identity); err != nil {
		return "", unavailable(ctx, "identity of the database", err)
	}
	digest := sha256.Sum256([]byte(identity))
	return readable(filepath.Base(name)) + "-" + hex.EncodeToString(digest[:6]), nil
}

// readable keeps the characters that are safe in every file name.
func readable(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '_'
	}, name)
}

// unavailable wraps an error of the database, and the end of our own context too: neither
// says anything about the log.
func unavailable(ctx context.Context, doing string, err error) error {
	if err == nil || errors.Is(err, eventstore.ErrUnavailable) {
		return err
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return fmt.Errorf("%w: %s: %w", eventstore.ErrUnavailable, doing, err)
}
