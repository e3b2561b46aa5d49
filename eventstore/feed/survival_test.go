package feed_test

import (
	"bytes"
	"context"
	"database/sql"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/jackc/pgx/v5"
	"modernc.org/sqlite"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/feed"
)

// A deferred foreign key fails nothing but the commit.
func TestFeedSurvivesAFailingCommitOnSQLite(t *testing.T) {
	db := eventstoretest.SQLite(t)
	sqlite.RegisterConnectionHook(func(conn sqlite.ExecQuerierContext, dsn string) error {
		if !strings.Contains(dsn, strings.TrimPrefix(db.URL, "sqlite:")) {
			return nil
		}
		_, err := conn.ExecContext(context.Background(), `PRAGMA foreign_keys = ON`, nil)
		return err
	})
	s := feed.New(db.Open(t))
	withEffects(t, s)
	write(t, s, `CREATE TABLE parents (id INTEGER PRIMARY KEY) STRICT`)
	write(t, s, `CREATE TABLE children (parent INTEGER REFERENCES parents DEFERRABLE INITIALLY DEFERRED) STRICT`)
	appendRuns(t, s, 3)
	var handled atomic.Int64
	consume(t, s, config(), func(msg *message.Message) error {
		if err := effect(msg); err != nil {
			return err
		}
		if handled.Add(1) > 2 {
			return nil
		}
		tx, _ := eventstore.TxFrom(msg.Context())
		_, err := tx.ExecContext(msg.Context(), `INSERT INTO children VALUES (7)`)
		return err
	})
	assertEffects(t, s, 3)
	if handled.Load() <= 3 {
		t.Errorf("handled %d times: no commit has failed", handled.Load())
	}
}

// watermill's own PostgreSQL schema delivers nothing while any transaction of
// the server is open.
func TestFeedSurvivesAnOpenTransactionElsewhere(t *testing.T) {
	db, other := eventstoretest.Postgres(t), eventstoretest.Postgres(t)
	s := feed.New(db.Open(t))
	withEffects(t, s)
	for _, url := range []string{db.URL, other.URL} {
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
		for _, statement := range []string{`BEGIN`, `CREATE TABLE held (id bigint)`, `INSERT INTO held VALUES (1)`} {
			if _, err := conn.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	consume(t, s, config(), effect)
	appendRuns(t, s, 5)
	assertEffects(t, s, 5)
}

func TestSlowGroupDelaysNoOther(t *testing.T) {
	s := feed.New(eventstoretest.Postgres(t).Open(t)) // SQLite has one writer for all of them
	withEffects(t, s)
	begun, finish := make(chan struct{}, 1), make(chan struct{})
	slow := config()
	slow.Group = "slow"
	stop := consume(t, s, slow, func(*message.Message) error {
		begun <- struct{}{}
		<-finish
		return nil
	})
	consume(t, s, config(), effect)
	appendRuns(t, s, 1)
	<-begun
	appendRuns(t, s, 4)
	assertEffects(t, s, 5)
	if reached, err := s.Offset(t.Context(), "slow"); reached != 0 || err != nil {
		t.Errorf("the slow group is at %d, %v; want 0", reached, err)
	}
	go func() {
		for range begun { // what comes after the first one
		}
	}()
	close(finish)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.WaitFor(ctx, "slow", 5); err != nil {
		t.Fatal(err)
	}
	stop()
	close(begun)
}

// watermill's own PostgreSQL schema keeps transaction ids, which mean nothing in
// another cluster.
func TestFeedGoesOnInARestoredDatabase(t *testing.T) {
	db := eventstoretest.Postgres(t)
	s := feed.New(db.Open(t))
	withEffects(t, s)
	stop := consume(t, s, config(), effect)
	appendRuns(t, s, 5)
	assertEffects(t, s, 5)
	stop()
	appendRuns(t, s, 2) // are in the dump, and not yet handled

	cluster, err := eventstoretest.StartCluster("fsync=off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.End)
	elsewhere, err := cluster.CreateDatabase(t.Context(), "restored")
	if err != nil {
		t.Fatal(err)
	}
	dump := output(t, cluster.Program("pg_dump"), nil, "--format=custom", "--dbname="+db.URL)
	output(t, cluster.Program("pg_restore"), dump, "--exit-on-error", "--dbname="+elsewhere)

	restored := feed.New(eventstoretest.Database{Dialect: eventstore.Postgres, URL: elsewhere}.Open(t))
	consume(t, restored, config(), effect)
	appendRuns(t, restored, 3)
	assertEffects(t, restored, 10)
	if wrong, err := restored.ProveGuards(t.Context()); len(wrong) > 0 || err != nil {
		t.Errorf("guards are not proved: %v, %v", wrong, err)
	}
	err = restored.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM events`)
		return err
	})
	if err == nil {
		t.Error("the restored log lets itself be changed")
	}
}

func output(t *testing.T, program string, stdin []byte, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(stdin), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, stderr.Bytes())
	}
	return out
}
