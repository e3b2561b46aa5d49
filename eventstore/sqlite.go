package eventstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteFile is the open database file. Everything that must be agreed upon by
// processes (the lock file) is named after its symlink-resolved path.
type sqliteFile struct {
	path string
	info os.FileInfo
	wal  os.FileInfo // nil when opened read-only; the one file for as long as the writer is open
	// inode is open while this process has, or had, the lock of the file; see lockInode.
	inode *os.File
}

// close must be called after SQLite has closed the file.
func (f *sqliteFile) close() error {
	if f == nil || f.inode == nil {
		return nil
	}
	return f.inode.Close()
}

// same says whether the files at the path are still those that are open: SQLite
// goes on acknowledging into a deleted file. It must not open one of them:
// closing it again would drop SQLite's own locks, which are POSIX locks.
func (f *sqliteFile) same() error {
	same, err := sameFile(f.path, f.info)
	switch {
	case err != nil:
		return fmt.Errorf("%w: the database file was removed while it was open: %w; move it back, or copy it out of /proc/%d/fd before this process ends", ErrUnavailable, err, os.Getpid())
	case !same:
		return fmt.Errorf("%w: %s was replaced while it was open; restart to use the new file, or move the old one back", ErrUnavailable, f.path)
	case f.wal == nil:
		return nil
	}
	if same, err = sameFile(f.walPath(), f.wal); err != nil || !same {
		return fmt.Errorf("%w: %s was removed while it was open; stop this process with SIGTERM, which writes what was in it, and start it again", ErrUnavailable, f.walPath())
	}
	return nil
}

func (f *sqliteFile) walPath() string { return f.path + "-wal" }

func (s *Store) openSQLite(ctx context.Context, path string, readOnly bool) error {
	path, err := resolveSQLite(path, readOnly)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	s.file = &sqliteFile{path: path}
	readers := sqliteDSN(path, "query_only(1)") + "&mode=rw" // the file is there: one that went away is not made again
	if readOnly {
		readers = sqliteDSN(path, "query_only(1)") + s.file.readOnly()
	}
	if err := s.file.servedElsewhere(); err != nil {
		return err
	}
	// Looked at before anything is set: journal_mode would change a foreign file.
	if err := s.recogniseSQLite(ctx, path); err != nil {
		return err
	}
	if !readOnly {
		if err := s.openSQLiteWriter(ctx, path); err != nil {
			return err
		}
	}
	s.read = sql.OpenDB(readConnector{readers, s.file})
	s.read.SetMaxOpenConns(4)
	s.read.SetMaxIdleConns(4)
	if err := s.read.PingContext(ctx); err != nil {
		return Unavailable(ctx, path, err)
	}
	return s.file.remember(!readOnly)
}

// readConnector opens connections for reading, unless the file went away or was replaced:
// SQLite would take the -wal for that of the other file, and the connection would go on
// reading that one when the right one is back.
type readConnector struct {
	dsn  string
	file *sqliteFile
}

func (c readConnector) Driver() driver.Driver { return &sqlite.Driver{} }

func (c readConnector) Connect(context.Context) (driver.Conn, error) {
	if c.file.info != nil { // else the store is being opened
		if err := c.file.same(); err != nil {
			return nil, err
		}
	}
	return c.Driver().Open(c.dsn)
}

// remember notes which files are open.
func (f *sqliteFile) remember(writing bool) (err error) {
	f.info, err = os.Stat(f.path)
	if err == nil && writing {
		f.wal, err = os.Stat(f.walPath())
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// readOnly is how to open the file for reading. Where nothing can be written
// SQLite makes neither -wal nor -shm and reads the file only if it is told that
// no process changes it; a -wal that is there must not be passed over.
func (f *sqliteFile) readOnly() string {
	if unix.Access(filepath.Dir(f.path), unix.W_OK) == unix.EROFS {
		if wal, err := os.Stat(f.walPath()); err != nil || wal.Size() == 0 {
			return "&mode=ro&immutable=1"
		}
	}
	return "&mode=ro"
}

// resolveSQLite follows symbolic links and, for writers, makes a missing file.
// SQLite gives its -wal and -shm the permissions of the database.
func resolveSQLite(path string, readOnly bool) (string, error) {
	if path == "" {
		return "", errors.New("sqlite: names no file; use sqlite:PATH")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if !readOnly {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		if err == nil {
			err = f.Close() // nothing in this process can have had it open
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return "", err
		}
	}
	path, err = filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return "", errors.Join(fmt.Errorf("%s is not a file", path), err)
	}
	return path, nil
}

func sqliteDSN(path string, pragmas ...string) string {
	query := url.Values{"_defensive": {"1"}, "_dqs": {"0"}, "_pragma": append([]string{"busy_timeout(5000)", "trusted_schema(0)"}, pragmas...)}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String()
}

func (s *Store) openSQLiteWriter(ctx context.Context, path string) (err error) {
	dsn := sqliteDSN(path, "journal_mode(WAL)", "synchronous(FULL)") + "&_txlock=immediate"
	connector, err := newWriteConnector(dsn)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	s.write = sql.OpenDB(connector)
	s.write.SetMaxOpenConns(1)
	s.write.SetMaxIdleConns(1)
	tx, err := s.write.BeginTx(ctx, nil) // takes the write lock: fails here on what cannot be written
	if err != nil {
		return Unavailable(ctx, path+" cannot be written", err)
	}
	defer func() { _ = tx.Rollback() }()
	var journal string
	var synchronous int
	if err := tx.QueryRowContext(ctx, `SELECT journal_mode, synchronous FROM pragma_journal_mode, pragma_synchronous`).Scan(&journal, &synchronous); err != nil {
		return Unavailable(ctx, path, err)
	}
	const full = 2
	if journal != "wal" || synchronous != full {
		return fmt.Errorf("%w: %s: journal_mode is %s and synchronous %d, where wal and %d are needed to keep what was acknowledged",
			ErrUnavailable, path, journal, synchronous, full)
	}
	return nil
}

// recogniseSQLite looks at the file and changes nothing.
func (s *Store) recogniseSQLite(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", sqliteDSN(path)+s.file.readOnly())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer db.Close()
	var tables, ours int
	err = db.QueryRowContext(ctx, `SELECT count(*), count(*) FILTER (WHERE name = $1) FROM sqlite_schema
		WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`, migrationsTable).Scan(&tables, &ours)
	var said *sqlite.Error
	switch {
	case errors.As(err, &said) && said.Code()&0xff == sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: %s is not a SQLite file", ErrForeign, path)
	case err != nil:
		return Unavailable(ctx, path, err)
	case tables > 0 && ours == 0:
		return fmt.Errorf("%w: %s holds the tables of another program", ErrForeign, path)
	}
	_, _, err = s.migratedIn(ctx, db)
	return err
}
