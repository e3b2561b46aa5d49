package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// notReady waits until /readyz is 503 with a reason that contains text.
func (a api) notReady(within time.Duration, text string) {
	a.t.Helper()
	var said string
	await(a.t, within, "/readyz is 503 and says: "+text, func() bool {
		res, err := http.Get(a.base + "/readyz")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		var document struct{ Reasons []string }
		if json.NewDecoder(res.Body).Decode(&document) != nil || res.StatusCode != 503 {
			return false
		}
		said = strings.Join(document.Reasons, "; ")
		return strings.Contains(said, text)
	})
	a.t.Log(said)
}

// TestReadyMeansItCanWrite: a server without any request, whose database
// takes no writes any more, says so, and is ready again by itself.
func TestReadyMeansItCanWrite(t *testing.T) {
	t.Parallel()
	t.Run("no connection is free", func(t *testing.T) {
		admin, limited := limitedDatabase(t)
		listen := gatetest.FreeAddress(t)
		a := api{t, "http://" + listen}
		config := write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), "scrapers:\n  - {name: shop, url: \"http://127.0.0.1:9/\", schedule: \"@every 2s\"}\n")
		p := start(t, "serve", "--listen", listen, "--db", limited, "--config", config)
		a.ready()
		began := time.Now()
		limit(t, admin, 0)
		a.notReady(30*time.Second, "too many connections")
		a.notReady(30*time.Second, "this instance could not say that it lives")
		a.notReady(30*time.Second, "the slot of shop at ")
		for _, request := range [][2]string{{"POST", "/api/v1/scrapers/shop/runs"}, {"GET", "/api/v1/runs"}, {"GET", "/api/v1/events"}, {"GET", "/api/v1/scrapers/shop"}, {"GET", "/"}, {"GET", "/runs"}} {
			if code := a.do(request[0], request[1], "", nil); code != 503 {
				t.Errorf("%s %s: %d, want 503", request[0], request[1], code)
			}
		}
		await(t, 30*time.Second, "a line says so too", func() bool { return strings.Contains(p.out.String(), "too many connections") })
		if lines := strings.Count(p.out.String(), "too many connections"); lines > 1+int(time.Since(began)/time.Minute) {
			t.Errorf("%d lines say that there are too many connections, want one a minute", lines)
		}
		limit(t, admin, -1)
		a.ready()
		if strings.Contains(p.out.String(), `\n`) || strings.Contains(p.out.String(), "CANARY") {
			t.Error("a line of the log has line ends within, or the password")
		}
	})
	t.Run("too few connections are free", func(t *testing.T) {
		admin, limited := limitedDatabase(t)
		listen := gatetest.FreeAddress(t)
		a := api{t, "http://" + listen}
		start(t, "serve", "--listen", listen, "--db", limited)
		a.ready()
		limit(t, admin, 2)
		a.notReady(30*time.Second, "too many connections")
		limit(t, admin, -1)
		a.ready()
	})
	t.Run("the file was moved away", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "a.db")
		listen := gatetest.FreeAddress(t)
		a := api{t, "http://" + listen}
		start(t, "serve", "--listen", listen, "--db", "sqlite:"+file)
		a.ready()
		if err := os.Rename(file, file+".away"); err != nil {
			t.Fatal(err)
		}
		a.notReady(30*time.Second, "was removed while it was open")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		a.notReady(30*time.Second, "was replaced while it was open")
		if err := os.Rename(file+".away", file); err != nil {
			t.Fatal(err)
		}
		a.ready()
	})
}

// TestFewConnections: a server whose database grants too few connections says how
// many it may open, in one line a minute that there are too few, and does not end; it
// is ready when there are enough.
func TestFewConnections(t *testing.T) {
	for _, granted := range []int{2, 3, 5, 8} {
		t.Run(fmt.Sprint(granted), func(t *testing.T) {
			t.Parallel()
			admin, limited := limitedDatabase(t)
			limit(t, admin, granted)
			listen := gatetest.FreeAddress(t)
			a := api{t, "http://" + listen}
			p, began := start(t, "serve", "--listen", listen, "--db", limited), time.Now()
			await(t, 30*time.Second, "it says how many it needs, or that none is free", func() bool {
				return strings.Contains(p.out.String(), fmt.Sprintf("granted=%d needed=25", granted)) ||
					strings.Contains(p.out.String(), "no connection to the database is free")
			})
			select {
			case <-p.done:
				t.Fatal("it has ended")
			case <-time.After(4 * time.Second):
			}
			if lines := strings.Count(p.out.String(), "too many connections"); lines > 1+int(time.Since(began)/time.Minute) {
				t.Errorf("%d lines say that there are too many connections", lines)
			}
			for _, path := range []string{"/api/v1/runs", "/api/v1/scrapers", "/"} {
				if code := a.do("GET", path, "", nil); code >= 500 && code != 503 {
					t.Errorf("%s: %d", path, code)
				}
			}
			limit(t, admin, -1)
			a.ready()
			if code := p.stop(t); code != 0 {
				t.Errorf("exit %d", code)
			}
		})
	}
}

// TestLeastPool: with the smallest pools, and no more connections than are documented
// for them, runs start and end and the service is ready.
func TestLeastPool(t *testing.T) {
	admin, limited := limitedDatabase(t)
	limit(t, admin, 3+2+1)
	listen := gatetest.FreeAddress(t)
	a := api{t, "http://" + listen}
	config := write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), "pool: {write: 3, read: 2}\n"+scrapers(4))
	p := start(t, "serve", "--listen", listen, "--db", limited, "--config", config)
	a.ready()
	for i := range 4 {
		if r := a.ended(a.startRun(fmt.Sprintf("s%d", i)).ID, 30*time.Second); r.Status != "connection_failed" {
			t.Errorf("it is %s", r.Status)
		}
	}
	a.ready()
	if strings.Contains(p.out.String(), "granted=") {
		t.Error("it says that it needs more")
	}
	if code := p.stop(t); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// TestSessionsThatEndEarly: sessions that the database ends while the server starts
// are opened again, and idle ones are not ended at all.
func TestSessionsThatEndEarly(t *testing.T) {
	t.Parallel()
	admin, limited := limitedDatabase(t)
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	statements(t, admin, fmt.Sprintf("ALTER DATABASE %s SET idle_session_timeout = '1s'", u.Path[1:]))
	listen := gatetest.FreeAddress(t)
	a := api{t, "http://" + listen}
	p := start(t, "serve", "--listen", listen, "--db", limited)
	for began := time.Now(); time.Since(began) < time.Second; {
		statements(t, admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	}
	a.ready()
	before := p.out.String()
	select {
	case <-p.done:
		t.Fatal("it has ended")
	case <-time.After(3 * time.Second):
	}
	for line := range strings.Lines(strings.TrimPrefix(p.out.String(), before)) {
		const ended = "57P01" // by the test, which is noticed when the session is used
		if (strings.Contains(line, "WRN") || strings.Contains(line, "ERR")) && !strings.Contains(line, ended) {
			t.Errorf("with nothing to do it says\n%s", line)
		}
	}
}

// limitedDatabase is a database of a user that is bound by its limits, as the
// superuser of the tests is not.
func limitedDatabase(t *testing.T) (admin, limited string) {
	t.Helper()
	admin = eventstoretest.Postgres(t).URL
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	role := "limited_" + strings.TrimPrefix(u.Path, "/")
	statements(t, admin, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'CANARY'", role), fmt.Sprintf("ALTER DATABASE %s OWNER TO %s", u.Path[1:], role),
		fmt.Sprintf("ALTER SCHEMA public OWNER TO %s", role))
	t.Cleanup(func() {
		statements(t, admin, fmt.Sprintf("REASSIGN OWNED BY %s TO postgres", role), fmt.Sprintf("DROP OWNED BY %s", role), "DROP ROLE "+role)
	})
	u.User = url.UserPassword(role, "CANARY")
	return admin, u.String()
}

// limit bounds the connections of all but superusers and ends the open ones. A
// session that began just before is ended by the second look: the first one does
// not see it, because it has no database yet.
func limit(t *testing.T, admin string, connections int) {
	t.Helper()
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	const end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
	statements(t, admin, fmt.Sprintf("ALTER DATABASE %s CONNECTION LIMIT %d", u.Path[1:], connections), end, "SELECT pg_sleep(0.5)", end)
}

var background = context.Background()

func statements(t testing.TB, url string, all ...string) {
	t.Helper()
	conn, err := pgx.Connect(background, url) // also in a cleanup
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(background)
	for _, statement := range all {
		if _, err := conn.Exec(background, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}
