package main_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// tampered is a log that a real server has sealed, and where its proof lies.
type tampered struct {
	*testing.T
	db               eventstoretest.Database
	key, checkpoints string
}

const forged = "0198c2f4-0000-7000-8000-00000000dead"

// tamperings are done while no server runs, and what the next one says.
var tamperings = map[string]struct {
	does   func(s tampered)
	says   string // by /readyz
	verify int    // the exit code of events verify
}{
	"the copy outside is deleted": {func(s tampered) { s.must(os.Remove(s.checkpoints)) }, "is missing", 1},
	"the copy outside is emptied": {func(s tampered) { s.must(os.Truncate(s.checkpoints, 0)) }, "is empty", 1},
	"the copy outside is a FIFO":  {func(s tampered) { s.must(os.Remove(s.checkpoints)); s.mkfifo(s.checkpoints) }, "not a regular file", 4},
	"an acceptance is made up": {func(s tampered) {
		s.add("scrapelog/x\n0\nAAAA\naccepted 9 0 0 AAAA 2026-01-01T00:00:00Z why\n\n— scrapelog/x AAAA\n\n")
	}, "holds text that is no checkpoint", 5},
	"the key is deleted":      {func(s tampered) { s.must(os.Remove(s.key)) }, "audit.key: no such file", 1},
	"others can read the key": {func(s tampered) { s.must(os.Chmod(s.key, 0o644)) }, "chmod 600", 4},
	"all proof is deleted": {func(s tampered) {
		s.own(`DELETE FROM log_hashes`, `DELETE FROM log_checkpoints`)
		s.must(os.RemoveAll(filepath.Dir(s.key)))
	}, "nothing that was signed of them is here", 1},
	"the tail is cut": {func(s tampered) {
		s.unprotected(`DELETE FROM events WHERE position = (SELECT max(position) FROM events)`)
	}, "sealing was refused", 5},
	"an offset past the end": {func(s tampered) {
		s.own(`UPDATE consumer_offsets SET position = 999 WHERE consumer_group = 'rescrape'`)
	}, "rescrape is blocked: its offset 999 lies past the end", 5},
	"a guard is paused":              {func(s tampered) { s.own(`UPDATE scraper_guard SET paused = true`) }, "table scraper_guard: guard of scraper shop", 5},
	"a guard names an open run":      {func(s tampered) { s.own(`UPDATE scraper_guard SET open_run = '` + forged + `', instance = 'x'`) }, "table scraper_guard: the guard of scraper shop was edited: open_run is " + forged, 5},
	"the triggers are out of effect": {func(s tampered) { s.own(s.disables()...) }, "table events: the trigger events_", 5},
}

// TestTamperingBetweenTwoStarts: a restart finds it, starts no run on a log that is
// not proven, and makes nothing of it good.
func TestTamperingBetweenTwoStarts(t *testing.T) {
	for name, test := range tamperings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
				config := write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), "scrapers:\n  - {name: shop, url: \"http://127.0.0.1:9/\", recovery: {enabled: false}}\n")
				serve := func() (api, *process) {
					listen := gatetest.FreeAddress(t)
					return api{t, "http://" + listen}, start(t, "serve", "--listen", listen, "--db", db.URL, "--config", config)
				}
				a, p := serve()
				a.ready()
				p.stop(t)
				verify := func(code int) {
					t.Helper()
					if stdout, stderr, got := commandAt(t, stateHome(t), "events", "verify", "--db", db.URL); got != code {
						t.Errorf("verify: exit %d, want %d\n%s%s", got, code, stdout, stderr)
					}
				}
				verify(0)
				test.does(servedBy(t, db))
				verify(test.verify)
				for range 2 {
					a, p := serve()
					a.notReady(30*time.Second, test.says)
					p.stop(t)
				}
				verify(test.verify)
			})
		})
	}
}

func servedBy(t *testing.T, db eventstoretest.Database) tampered {
	t.Helper()
	keys, err := filepath.Glob(filepath.Join(stateHome(t), "scrapelog", "*", "audit.key"))
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	return tampered{t, db, keys[0], filepath.Join(filepath.Dir(keys[0]), "audit.checkpoints")}
}

func (s tampered) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s tampered) add(text string) {
	s.Helper()
	f, err := os.OpenFile(s.checkpoints, os.O_WRONLY|os.O_APPEND, 0)
	s.must(err)
	_, err = f.WriteString(text)
	s.must(err)
	s.must(f.Close())
}

// own does what the owner of the database can.
func (s tampered) own(statements ...string) {
	s.Helper()
	store, err := eventstore.Open(s.Context(), eventstore.Config{URL: s.db.URL})
	s.must(err)
	defer store.Close()
	s.must(store.InTx(s.Context(), func(ctx context.Context, tx *sql.Tx) error {
		for _, statement := range statements {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	}))
}

func (s tampered) disables() []string {
	if s.db.Dialect == eventstore.Postgres {
		return []string{`ALTER TABLE events DISABLE TRIGGER ALL`}
	}
	return []string{`DROP TRIGGER events_no_update`, `DROP TRIGGER events_no_delete`}
}

func (s tampered) unprotected(statements ...string) { s.own(append(s.disables(), statements...)...) }

func (s tampered) mkfifo(path string) {
	s.Helper()
	s.must(syscall.Mkfifo(path, 0o600))
}

// TestAnAcceptanceGoesOn: what a restart refuses, a person accepts with a reason.
func TestAnAcceptanceGoesOn(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		t.Setenv("XDG_STATE_HOME", stateHome(t))
		config := write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), "scrapers:\n  - {name: shop, url: \"http://127.0.0.1:9/\", recovery: {enabled: false}}\n")
		listen := gatetest.FreeAddress(t)
		a := api{t, "http://" + listen}
		serve := func() *process { return start(t, "serve", "--listen", listen, "--db", db.URL, "--config", config) }
		p := serve()
		a.ready()
		p.stop(t)
		s := servedBy(t, db)
		s.must(os.Remove(s.checkpoints))
		p = serve()
		a.notReady(30*time.Second, "is missing")
		if code := a.do("POST", "/api/v1/scrapers/shop/runs", "", nil); code != 503 {
			t.Errorf("a run was started: %d", code)
		}
		if !strings.Contains(p.out.String(), "sealing refused; no runs are started") {
			t.Error(p.out.String())
		}
		if _, _, code := command(t, "audit", "checkpoint", "--db", db.URL, "--accept-restored", "why"); code != 6 {
			t.Errorf("accepted beside a server: exit %d", code)
		}
		p.stop(t)
		if _, stderr, code := command(t, "audit", "checkpoint", "--db", db.URL); code != 6 || !strings.Contains(stderr, "--accept-restored") {
			t.Errorf("begun again: exit %d: %s", code, stderr)
		}
		if _, stderr, code := command(t, "audit", "checkpoint", "--db", db.URL, "--accept-restored", "the volume was lost"); code != 0 {
			t.Errorf("not accepted: exit %d: %s", code, stderr)
		}
		p = serve()
		a.ready()
		if code := a.do("POST", "/api/v1/scrapers/shop/runs", "", nil); code != 201 {
			t.Errorf("no run was started: %d", code)
		}
		p.stop(t)
		if stdout, _, code := command(t, "events", "verify", "--db", db.URL); code != 0 || !strings.Contains(stdout, "the volume was lost") {
			t.Errorf("verify: exit %d: %s", code, stdout)
		}
		if stdout, _, code := command(t, "events", "list", "--db", db.URL, "--type", "log.accepted", "-o", "ndjson"); code != 0 || !strings.Contains(stdout, "the volume was lost") {
			t.Errorf("no event: exit %d: %s", code, stdout)
		}
	})
}
