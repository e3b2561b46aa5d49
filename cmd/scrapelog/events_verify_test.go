package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/instances"
	"scrapelog/eventstore/proof"
)

// sealedLog is a log of six events that was sealed by the command line.
func sealedLog(t *testing.T, db eventstoretest.Database) *eventstore.Store {
	t.Helper()
	t.Chdir(t.TempDir())
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	store := openStore(t, db.URL)
	record(t, store, story()...)
	exits(t, 0, "6\n", "audit", "checkpoint", "--db", db.URL, "--jq", ".size")
	return store
}

// exits runs a command and wants its exit code and all of what it says: on
// stdout when it exits 0, else on stderr.
func exits(t *testing.T, code int, says string, args ...string) (stdout, stderr string) {
	t.Helper()
	stdout, stderr, got := invoke(t, args...)
	said := stdout
	if code != 0 {
		said = stderr
	}
	if got != code || !strings.Contains(said, says) {
		t.Errorf("scrapelog %s: exit %d, want %d with %q:\n%s%s", strings.Join(args, " "), got, code, says, stdout, stderr)
	}
	return stdout, stderr
}

// disturb makes changes that an owner of the database can make, and restores the triggers.
func disturb(t *testing.T, store *eventstore.Store, statements ...string) {
	t.Helper()
	first := []string{`ALTER TABLE events DISABLE TRIGGER USER`}
	last := []string{`ALTER TABLE events ENABLE ALWAYS TRIGGER events_append_only`, `ALTER TABLE events ENABLE ALWAYS TRIGGER events_appended`}
	if store.Dialect() == eventstore.SQLite {
		first = []string{`DROP TRIGGER events_no_update`, `DROP TRIGGER events_no_delete`}
		last = nil
		for _, name := range []string{"events_no_update", "events_no_delete"} {
			var statement string
			if err := store.Reader().QueryRowContext(t.Context(), `SELECT sql FROM sqlite_schema WHERE name = $1`, name).Scan(&statement); err != nil {
				t.Fatal(err)
			}
			last = append(last, statement)
		}
	}
	err := store.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		for _, statement := range slices.Concat(first, statements, last) {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEventsVerify(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		store := sealedLog(t, db)
		_, stderr := exits(t, 0, "The log is intact: all 6 events are as they were signed.", "events", "verify", "--db", db.URL)
		if !strings.Contains(stderr, "verify: 6 of 6") {
			t.Errorf("no progress on stderr: %s", stderr)
		}
		for _, since := range []string{"5", "@5", "-1h", "today", "2100-01-01T00:00:00Z"} {
			exits(t, 0, "intact", "events", "verify", "--db", db.URL, "--since", since)
		}
		exits(t, 2, "is not a time", "events", "verify", "--db", db.URL, "--since", "-5")

		disturb(t, store, `UPDATE events SET data = '{}' WHERE position = 3`)
		stdout, stderr := exits(t, 5, "the event at position 3 was edited", "events", "verify", "--db", db.URL, "-o", "json")
		var r proof.Result
		if err := json.Unmarshal([]byte(stdout), &r); err != nil || r.Damage[0].Kind != proof.Edited || r.Damage[0].Position != 3 || !strings.Contains(stderr, "--accept-restored") {
			t.Errorf("%v\n%s%s", err, stdout, stderr)
		}
	})
}

func TestEventsVerifyNamesWhatIsMissing(t *testing.T) {
	db := eventstoretest.SQLite(t)
	t.Chdir(t.TempDir())
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	record(t, openStore(t, db.URL), story()...)
	exits(t, 1, "the 6 events of the log are not sealed yet", "events", "verify", "--db", db.URL)
	exits(t, 0, "", "audit", "checkpoint", "--db", db.URL)
	exits(t, 1, "The copy of the checkpoints outside is missing", "events", "verify", "--db", db.URL, "--checkpoints", "elsewhere")
	exits(t, 1, "signatures could not be looked at", "events", "verify", "--db", db.URL, "--key", "elsewhere", "--checkpoints", stateFile(t, "audit.checkpoints"))
}

// stateFile is a file in the only folder under $XDG_STATE_HOME.
func stateFile(t *testing.T, name string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(os.Getenv("XDG_STATE_HOME"), "scrapelog", "*", name))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	return found[0]
}

// TestTheConfigurationSaysWhereTheProofIs: for its own database alone.
func TestTheConfigurationSaysWhereTheProofIs(t *testing.T) {
	db := eventstoretest.SQLite(t)
	dir := t.TempDir()
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	write(t, "database: "+db.URL+"\naudit: {key: "+dir+"/k, checkpoints: "+dir+"/c}\n")
	record(t, openStore(t, db.URL), story()...)
	exits(t, 0, "6", "audit", "checkpoint")
	for _, name := range []string{"k", "c"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	exits(t, 0, "intact", "events", "verify")
	exits(t, 0, "intact", "events", "verify", "--db", db.URL)

	other := eventstoretest.SQLite(t)
	record(t, openStore(t, other.URL), story()...)
	exits(t, 0, "6", "audit", "checkpoint", "--db", other.URL)
	stateFile(t, "audit.key")
}

func TestAuditCheckpoint(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		store := sealedLog(t, db)
		note, stderr := exits(t, 0, "\n6\n", "audit", "checkpoint", "--db", db.URL)
		file, err := os.ReadFile(stateFile(t, "audit.checkpoints"))
		if err != nil || !strings.HasSuffix(string(file), note+"\n") || !strings.Contains(stderr, "6 events are sealed") {
			t.Errorf("%v: %s is not the end of\n%s%s", err, note, file, stderr)
		}
		exits(t, 6, "nothing to accept", "audit", "checkpoint", "--db", db.URL, "--accept-restored", "why")

		disturb(t, store, `DELETE FROM events WHERE position > 4`)
		exits(t, 6, "the end of the log was cut off", "audit", "checkpoint", "--db", db.URL)
		exits(t, 2, "a reason is needed", "audit", "checkpoint", "--db", db.URL, "--accept-restored", "")
		_, stderr = exits(t, 0, "5\n", "audit", "checkpoint", "--db", db.URL, "--accept-restored", "the disk broke", "--jq", ".size")
		if !strings.Contains(stderr, "accepted: 6 events had been signed, and up to 0 the log is that one") {
			t.Error(stderr)
		}
		exits(t, 5, "table scraper_guard: guard of scraper shop", "events", "verify", "--db", db.URL) // it is that of six events
		exits(t, 0, "1 rewritten", "db", "repair-guards", "--db", db.URL)
		exits(t, 0, "the disk broke", "events", "verify", "--db", db.URL)
		exits(t, 0, "signed 6 proven 0 key scrapelog/", "events", "list", "--type", "log.accepted", "--db", db.URL)
	})
}

func TestAuditCheckpointBesideAServer(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		store := sealedLog(t, db)
		instance, err := instances.New(store).Acquire(t.Context(), "serving")
		if err != nil {
			t.Fatal(err)
		}
		defer instance.Release(t.Context())
		exits(t, 6, "a running server seals by itself every second", "audit", "checkpoint", "--db", db.URL)
		exits(t, 0, "intact", "events", "verify", "--db", db.URL)
	})
}

func TestAuditProveAndCheckProof(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		store := sealedLog(t, db)
		file, _ := exits(t, 0, `"format": "scrapelog.proof.v1"`, "audit", "prove", "3", "--db", db.URL)
		write := func(name string, content string) string {
			if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			return name
		}
		key := stateFile(t, "audit.key")
		write("proof.json", file)
		exits(t, 0, "as expected", "audit", "check-proof", "proof.json", "--db", db.URL)
		exits(t, 0, "as expected", "audit", "check-proof", "proof.json", "--key", key)
		exits(t, 0, "event 3 is in the log of 6 events", "audit", "check-proof", "proof.json", "--any-key")
		exits(t, 0, "compared with none", "audit", "check-proof", "proof.json", "--any-key")
		exits(t, 0, "false", "audit", "check-proof", "proof.json", "--any-key", "--jq", ".key_known")
		exits(t, 0, "true", "audit", "check-proof", "proof.json", "--key", signerOf(t, file), "--jq", ".key_known")
		exits(t, 1, "name the key of your log with --key, or use --any-key", "audit", "check-proof", "proof.json")
		exits(t, 1, "was expected", "audit", "check-proof", "proof.json", "--key", strangersKey(t, signerOf(t, file)))
		exits(t, 2, "neither a file nor a public key", "audit", "check-proof", "proof.json", "--key", "another+00000000+key")
		exits(t, 2, "any-key", "audit", "check-proof", "proof.json", "--key", key, "--any-key")
		exits(t, 1, "the proof is false", "audit", "check-proof", write("false.json", strings.Replace(file, `"version": 2`, `"version": 1`, 1)), "--key", key)
		exits(t, 2, "not a proof", "audit", "check-proof", write("garbage", "garbage"))
		exits(t, 2, "format", "audit", "check-proof", write("empty", "{}"))
		exits(t, 3, "not found", "audit", "check-proof", "missing")
		exits(t, 4, "not a regular file", "audit", "check-proof", fifo(t))

		// What a reader of the file sees is what was proven.
		fake := `"event": {"position":3,"stream":"run-x","version":1,"id":"","type":"run.failed","recorded_at":0,"metadata":"{}","data":"{}"}, `
		for name, read := range map[string]string{
			"twice":         strings.Replace(file, `"event":`, fake+`"event":`, 1),
			"in capitals":   strings.Replace(file, `"event":`, fake+`"EVENT":`, 1),
			"inside":        strings.Replace(file, `"type":`, `"type": "run.failed", "type":`, 1),
			"inside, cased": strings.Replace(file, `"type":`, `"type": "run.failed", "Type":`, 1),
			"unknown":       strings.Replace(file, `"event":`, `"note": "trust me", "event":`, 1),
			"after it":      file + "{}",
		} {
			_, stderr, code := invoke(t, "audit", "check-proof", write("faked.json", read), "--key", key)
			if code != 2 || !strings.Contains(stderr, "not a proof") {
				t.Errorf("%s: exit %d: %s", name, code, stderr)
			}
		}

		exits(t, 2, "not a position", "audit", "prove", "0", "--db", db.URL)
		exits(t, 3, "not found", "audit", "prove", "7", "--db", db.URL)
		disturb(t, store, `UPDATE events SET data = '{}' WHERE position = 3`)
		exits(t, 5, "events verify", "audit", "prove", "3", "--db", db.URL)
	})
}

func signerOf(t *testing.T, file string) string {
	t.Helper()
	var p proof.Proof
	if err := json.Unmarshal([]byte(file), &p); err != nil {
		t.Fatal(err)
	}
	return p.Key
}

// strangersKey is another key under the same name.
func strangersKey(t *testing.T, key string) string {
	t.Helper()
	name, _, _ := strings.Cut(key, "+")
	_, public, err := note.GenerateKey(nil, name)
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// fifo is a file that blocks a process which opens it to read.
func fifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCheckProofOfStdin(t *testing.T) {
	db := eventstoretest.SQLite(t)
	sealedLog(t, db)
	file, _, _ := invoke(t, "audit", "prove", "1", "--db", db.URL)
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"audit", "check-proof", "-", "--any-key"}, strings.NewReader(file), &out, &errs); code != 0 || !strings.Contains(out.String(), "event 1 is in the log") {
		t.Errorf("exit %d: %s%s", code, &out, &errs)
	}
}
