package proof

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

func TestMain(m *testing.M) { os.Exit(eventstoretest.Main(m)) }

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// log is a sealed log whose proof lies in a folder of the test.
type log struct {
	*testing.T
	ctx    context.Context
	store  *eventstore.Store
	sealer *Sealer
	files  Files
	runs   int
}

// batch is small, so that few events make many checkpoints.
const testBatch = 10

func newLog(t *testing.T, db eventstoretest.Database) *log {
	dir := filepath.Join(t.TempDir(), "state")
	l := &log{T: t, ctx: context.Background(), store: db.Open(t), files: Files{Key: filepath.Join(dir, keyFile), Checkpoints: filepath.Join(dir, checkpointsFile)}}
	l.restart()
	return l
}

// restart is what a process does that starts.
func (l *log) restart() {
	l.Helper()
	var err error
	l.sealer, err = Open(l.ctx, Config{Store: l.store, Files: l.files, Batch: testBatch, Interval: 5 * time.Millisecond})
	if err != nil {
		l.Fatal(err)
	}
}

// append adds runs of two events each.
func (l *log) append(runs int) {
	l.Helper()
	for range runs {
		l.runs++
		about := domain.AboutRun{RunID: uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, l.runs)), Scraper: fmt.Sprintf("shop-%d", l.runs%3), At: noon}
		_, err := l.store.Append(l.ctx, eventstore.Append{Stream: about.Stream(), Events: []eventstore.NewEvent{
			{Event: domain.RunStarted{AboutRun: about, Trigger: domain.TriggerManual, Instance: "a"}, Metadata: eventstore.Metadata{"actor": "user:ann"}},
			{Event: domain.RunCompleted{AboutRun: about, Items: int64(l.runs)}},
		}})
		if err != nil {
			l.Fatal(err)
		}
	}
}

func (l *log) seal() {
	l.Helper()
	if err := l.sealer.Seal(l.ctx); err != nil {
		l.Fatal(err)
	}
}

func (l *log) verify() Result {
	l.Helper()
	return l.verifySince(0)
}

func (l *log) verifySince(since int64) Result {
	l.Helper()
	r, err := Verify(l.ctx, l.store, Options{Files: l.files, Since: since}, nil)
	if err != nil {
		l.Fatal(err)
	}
	return r
}

// mustBe checks the verdict and the kinds of damage, in order.
func (l *log) mustBe(r Result, verdict Verdict, kinds ...Kind) {
	l.Helper()
	var got []Kind
	for _, d := range r.Damage {
		got = append(got, d.Kind)
	}
	if r.Verdict != verdict || !slices.Equal(got, kinds) {
		l.Errorf("%s %v, want %s %v: %s\n%+v", r.Verdict, got, verdict, kinds, r.Text(), r.Damage)
	}
}

// own does what whoever owns the database can: triggers and checks are no hindrance.
func (l *log) own(statements ...string) {
	l.Helper()
	first := []string{`PRAGMA ignore_check_constraints = ON`,
		`DROP TRIGGER IF EXISTS events_no_update`, `DROP TRIGGER IF EXISTS events_no_delete`, `DROP TRIGGER IF EXISTS events_only_next`}
	if l.store.Dialect() == eventstore.Postgres {
		first = []string{`ALTER TABLE events DROP CONSTRAINT IF EXISTS events_position_check`,
			`DROP TRIGGER IF EXISTS events_append_only ON events`, `DROP TRIGGER IF EXISTS events_appended ON events`}
	}
	err := l.store.InTx(l.ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, statement := range append(first, statements...) {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	})
	if err != nil {
		l.Fatal(err)
	}
}

var tables = []string{"events", "log_hashes", "log_checkpoints"}

// keep remembers the log and what is outside, for putBack.
func (l *log) keep() {
	l.Helper()
	for _, table := range tables {
		l.own(`CREATE TABLE true_` + table + ` AS SELECT * FROM ` + table)
	}
	copyFile(l.T, l.files.Checkpoints, l.files.Checkpoints+".true")
}

func (l *log) putBack() {
	l.Helper()
	var statements []string
	for _, table := range tables {
		statements = append(statements, `DELETE FROM `+table, `INSERT INTO `+table+` SELECT * FROM true_`+table)
	}
	l.own(statements...)
	copyFile(l.T, l.files.Checkpoints+".true", l.files.Checkpoints)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// rehash makes the stored hashes agree with the events that are sealed, without
// any key.
func (l *log) rehash() {
	l.Helper()
	var sealed int64
	for _, c := range l.stored() {
		sealed = max(sealed, c.Size)
	}
	var events leaves
	if err := readEvents(l.ctx, l.store.Reader(), l.store.Dialect(), 0, sealed, int(sealed), events.add); err != nil {
		l.Fatal(err)
	}
	var f frontier
	var hashes []tlog.Hash
	for n := range events.len() {
		hashes = f.push(events.at(n).hash(), hashes)
	}
	l.putHashes(hashes)
}

func (l *log) putHashes(hashes []tlog.Hash) {
	l.Helper()
	err := l.store.InTx(l.ctx, func(ctx context.Context, tx *sql.Tx) error {
		return putHashes(ctx, tx, l.store.Dialect(), 0, hashes)
	})
	if err != nil {
		l.Fatal(err)
	}
}

// spoil writes another hash over a stored one.
func (l *log) spoil(i int64) {
	l.Helper()
	stored := storedHashes{l.ctx, l.store.Reader()}
	span, err := stored.span()
	if err != nil {
		l.Fatal(err)
	}
	hashes, err := stored.read(0, span, nil)
	if err != nil {
		l.Fatal(err)
	}
	hashes[i] = hashes[0]
	l.putHashes(hashes)
}

// resign signs, with the given key, every checkpoint in the database anew for
// the hashes that are stored there. It returns what it signed.
func (l *log) resign(key note.Signer) (signed []string) {
	l.Helper()
	var sizes []int64
	for _, c := range l.stored() {
		sizes = append(sizes, c.Size)
	}
	l.own(`DELETE FROM log_checkpoints`)
	for _, size := range sizes {
		signed = append(signed, l.sign(key, size))
	}
	l.put(signed...)
	return signed
}

// put adds checkpoints to the database.
func (l *log) put(signed ...string) {
	l.Helper()
	err := l.store.InTx(l.ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, s := range signed {
			if err := putCheckpoint(ctx, tx, s, noon); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		l.Fatal(err)
	}
}

// sign makes a checkpoint of the stored hashes.
func (l *log) sign(key note.Signer, size int64) string {
	l.Helper()
	f, err := storedHashes{l.ctx, l.store.Reader()}.frontier(size)
	if err != nil {
		l.Fatal(err)
	}
	signed, err := Checkpoint{Origin: key.Name(), Size: size, Root: f.root()}.sign(key)
	if err != nil {
		l.Fatal(err)
	}
	return signed
}

// stored lists the checkpoints in the database that can be read.
func (l *log) stored() (all []Checkpoint) {
	l.Helper()
	rows, err := l.store.Reader().QueryContext(l.ctx, checkpointsList)
	if err != nil {
		l.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var number int64
		var signed string
		if err := rows.Scan(&number, &signed); err != nil {
			l.Fatal(err)
		}
		c, err := parseCheckpoint(signed)
		if err == nil {
			all = append(all, c)
		}
	}
	return all
}

// outside lists the sizes of the checkpoints in the file.
func (l *log) outside() (sizes []int64) {
	l.Helper()
	_, err := outsideFile{l.files.Checkpoints}.read(func(m mark) { sizes = append(sizes, m.size) })
	if err != nil {
		l.Fatal(err)
	}
	return sizes
}

// stranger is a key that is not the log's, under the name of the log's.
func (l *log) stranger() note.Signer {
	l.Helper()
	private, _, err := note.GenerateKey(nil, l.sealer.key.Verifier.Name())
	if err != nil {
		l.Fatal(err)
	}
	key, err := note.NewSigner(private)
	if err != nil {
		l.Fatal(err)
	}
	return key
}

// forgeOutside replaces the file by one that agrees with the stored hashes and
// is signed with the given key.
func (l *log) forgeOutside(key note.Signer) {
	l.Helper()
	var file []byte
	for _, c := range append(l.stored(), Checkpoint{}) {
		if _, err := (storedHashes{l.ctx, l.store.Reader()}).frontier(c.Size); err == nil {
			file = append(file, l.sign(key, c.Size)+"\n"...)
		}
	}
	if err := os.WriteFile(l.files.Checkpoints, file, 0o600); err != nil {
		l.Fatal(err)
	}
}

func (l *log) removeOutside() {
	l.Helper()
	if err := os.Remove(l.files.Checkpoints); err != nil {
		l.Fatal(err)
	}
}
