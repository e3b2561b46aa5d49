package main_test

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/eventstoretest/rivals"
)

var movedEvents = flag.Int64("events", 1_000_000, "events of the log that BenchmarkMove moves")

// BenchmarkMove exports, imports, backs up and bundles a long log with the program itself.
// Import is compared with INSERTs of a hundred such rows, a thousand in a transaction; a
// backup with cp and, where it is installed, with sqlite3's own .backup, which verify
// nothing. Each is measured once.
func BenchmarkMove(b *testing.B) {
	source := rivals.Log(b, eventstore.SQLite, *movedEvents)
	m := &move{dir: b.TempDir()}
	m.run(b, nil, "audit", "checkpoint", "--db", source.URL, "--accept-restored", "made by a benchmark")
	var said bytes.Buffer
	m.run(b, &said, "db", "status", "--db", source.URL, "--jq", ".head")
	m.head, m.export = strings.TrimSpace(said.String()), filepath.Join(m.dir, "log.ndjson")
	first := m.exports(b, source, m.export)
	databases := map[eventstore.Dialect]eventstoretest.Database{eventstore.SQLite: eventstoretest.SQLite(b), eventstore.Postgres: eventstoretest.Postgres(b)}
	for dialect, db := range databases {
		b.Run("import/"+string(dialect), func(b *testing.B) { m.imports(b, db) })
		b.Run("interrupted/"+string(dialect), func(b *testing.B) { m.importsInTwo(b, dialect) })
		b.Run("export/"+string(dialect), func(b *testing.B) {
			if again := m.exports(b, db, filepath.Join(m.dir, "again")); !bytes.Equal(first, again) {
				b.Error("the export of the import is another one")
			}
		})
		b.Run("bundle/"+string(dialect), func(b *testing.B) {
			file := filepath.Join(b.TempDir(), "bundle.zip")
			m.run(b, nil, "audit", "bundle", "--after", "0", "--until", m.head, "-o", file, "--db", db.URL).report(b, m.size)
		})
	}
	b.Run("backup/sqlite", func(b *testing.B) { m.backsUp(b, databases[eventstore.SQLite]) })
}

// move is the log in a file, and where its keys are.
type move struct {
	dir, export string
	size        int64  // of the export
	head        string // its last position
}

// cost is what a command has used.
type cost struct {
	took time.Duration
	peak int64 // bytes
}

func (c cost) report(b *testing.B, size int64) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(c.took.Seconds(), "s")
	b.ReportMetric(float64(size)/1e6/c.took.Seconds(), "MB/s")
	b.ReportMetric(float64(c.peak)/(1<<20), "MiB-peak")
}

func (m *move) command(b *testing.B, out io.Writer, args ...string) (*exec.Cmd, *bytes.Buffer) {
	b.Helper()
	cmd, errs := exec.CommandContext(b.Context(), binary, args...), &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, errs
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+m.dir, "NO_COLOR=1")
	return cmd, errs
}

func (m *move) run(b *testing.B, out io.Writer, args ...string) cost {
	b.Helper()
	cmd, errs := m.command(b, out, args...)
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	peak, ended := make(chan int64, 1), make(chan struct{})
	go func() { peak <- peakOf(cmd.Process.Pid, ended) }()
	err := cmd.Wait()
	used := cost{took: time.Since(began)}
	close(ended)
	if used.peak = <-peak; err != nil {
		b.Fatalf("%v: %v\n%s", args, err, errs)
	}
	return used
}

// peakOf follows the largest memory of a process until it has ended. The kernel's figure
// for a child that was waited for counts what its parent had when it made it.
func peakOf(pid int, ended <-chan struct{}) (bytes int64) {
	for look := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case <-ended:
			look.Stop()
			return bytes
		case <-look.C:
		}
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // gone: nothing
		if _, rest, is := strings.Cut(string(status), "VmHWM:"); is {
			var kib int64
			if _, err := fmt.Sscan(rest, &kib); err == nil {
				bytes = max(bytes, kib<<10)
			}
		}
	}
}

// exports writes the log to a file and returns the digest of that.
func (m *move) exports(b *testing.B, db eventstoretest.Database, path string) []byte {
	b.Helper()
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	used := m.run(b, file, "events", "export", "--db", db.URL)
	digest := sha256.New()
	_, err = file.Seek(0, io.SeekStart)
	if err == nil {
		m.size, err = io.Copy(digest, file)
	}
	if err != nil {
		b.Fatal(err)
	}
	used.report(b, m.size)
	return digest.Sum(nil)
}

// imports compares the import with plain INSERTs into another database of that kind.
func (m *move) imports(b *testing.B, db eventstoretest.Database) {
	other := eventstoretest.SQLite
	if db.Dialect == eventstore.Postgres {
		other = eventstoretest.Postgres
	}
	const batch = 1000
	plain := rivals.NewPlain(b, other(b), 1).Batches(b, batch)
	began := time.Now()
	for range (*movedEvents + batch - 1) / batch {
		if err := plain.Write(b.Context(), 0); err != nil {
			b.Fatal(err)
		}
	}
	rival := time.Since(began)
	used := m.run(b, nil, "events", "import", m.export, "--db", db.URL)
	used.report(b, m.size)
	b.ReportMetric(rival.Seconds()/used.took.Seconds(), "x-plain-rows")
}

// importsInTwo kills an import with kill -9 when about half is in, and starts it again.
func (m *move) importsInTwo(b *testing.B, dialect eventstore.Dialect) {
	db := eventstoretest.SQLite(b)
	if dialect == eventstore.Postgres {
		db = eventstoretest.Postgres(b)
	}
	watch := db.Open(b)
	cmd, _ := m.command(b, nil, "events", "import", m.export, "--db", db.URL)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	await(b, 30*time.Minute, "half is imported", func() bool {
		head, err := watch.Head(b.Context())
		return err == nil && head >= *movedEvents/2
	})
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it was killed
	var said bytes.Buffer
	m.run(b, &said, "events", "import", m.export, "--db", db.URL, "--jq", ".already_there").report(b, m.size)
	if there := strings.TrimSpace(said.String()); there == "0" || there == m.head {
		b.Errorf("%s events were there: the import was not interrupted", there)
	}
	m.run(b, nil, "db", "status", "--db", db.URL)
}

func (m *move) backsUp(b *testing.B, db eventstoretest.Database) {
	path := strings.TrimPrefix(db.URL, "sqlite:")
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	timed := func(name string, args ...string) time.Duration {
		began := time.Now()
		if out, err := exec.CommandContext(b.Context(), name, args...).CombinedOutput(); err != nil {
			b.Fatalf("%s: %v\n%s", name, err, out)
		}
		return time.Since(began)
	}
	used := m.run(b, nil, "db", "backup", filepath.Join(b.TempDir(), "backup"), "--db", db.URL)
	used.report(b, info.Size())
	b.ReportMetric(timed("cp", path, filepath.Join(b.TempDir(), "copy")).Seconds()/used.took.Seconds(), "x-cp")
	if shell, err := exec.LookPath("sqlite3"); err == nil {
		b.ReportMetric(timed(shell, path, ".backup "+filepath.Join(b.TempDir(), "copy")).Seconds()/used.took.Seconds(), "x-sqlite3")
	}
}
