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

// triggers are the statements that put them into effect again.
func (l *log) triggers() (statements []string) {
	l.Helper()
	if l.store.Dialect() == eventstore.Postgres {
		return []string{`ALTER TABLE events ENABLE ALWAYS TRIGGER events_append_only`, `ALTER TABLE events ENABLE ALWAYS TRIGGER events_appended`}
	}
	rows, err := l.store.Reader().QueryContext(l.ctx, `SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'events'`)
	if err != nil {
		l.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var statement string
		if err := rows.Scan(&statement); err != nil {
			l.Fatal(err)
		}
		statements = append(statements, statement)
	}
	return statements
}

// own does what an owner of the database can: triggers and checks do not stop it.
func (l *log) own(statements ...string) {
	l.Helper()
	last := l.triggers()
	first := []string{`PRAGMA ignore_check_constraints = ON`,
		`DROP TRIGGER IF EXISTS events_no_update`, `DROP TRIGGER IF EXISTS events_no_delete`, `DROP TRIGGER IF EXISTS events_only_next`}
	if l.store.Dialect() == eventstore.Postgres {
		first = []string{`ALTER TABLE events DROP CONSTRAINT IF EXISTS events_position_check`,
			`ALTER TABLE events DISABLE TRIGGER USER`}
	}
	err := l.store.InTx(l.ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, statement := range slices.Concat(first, statements, last) {
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
