package main_test

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// TestPasswordIsNowhere: whichever way the database's password is written, neither
// the service's log nor an answer, a page or a command's output shows it.
func TestPasswordIsNowhere(t *testing.T) {
	const canary = "CANARY" // the password of limitedDatabase
	_, limited := limitedDatabase(t)
	u, err := url.Parse(limited)
	if err != nil {
		t.Fatal(err)
	}
	user, host := u.User.Username(), u.Host
	for name, db := range map[string]string{
		"of the user":  limited,
		"in the query": "postgres://" + host + u.Path + "?sslmode=disable&user=" + user + "&password=" + canary,
		"of a key":     limited + "&sslpassword=" + canary,
		"escaped":      "postgres://" + host + u.Path + "?sslmode=disable&user=" + user + "&pass%77ord=%43ANARY",
	} {
		t.Run(name, func(t *testing.T) {
			listen := gatetest.FreeAddress(t)
			p := start(t, "serve", "--listen", listen, "--db", db)
			a := api{t, "http://" + listen}
			a.ready()
			shown := "postgres://" + user + "@" + host + u.Path
			await(t, 30*time.Second, "the log names the database", func() bool { return strings.Contains(p.out.String(), "database="+shown) })
			said := p.out.String()
			for _, path := range []string{"/", "/projections", "/audit", "/readyz", "/metrics", "/api/v1/scrapers", "/openapi.yaml"} {
				said += body(t, a.base+path)
			}
			for _, args := range [][]string{
				{"config", "show"}, {"config", "show", "-o", "json"}, {"db", "status"}, {"db", "status", "-o", "json"},
				{"projections", "rebuild", "runs"}, {"db", "migrate"}, {"events", "list"},
			} {
				stdout, stderr, code := command(t, append(args, "--db", db)...)
				if args[1] == "status" && !strings.Contains(stdout, shown) {
					t.Errorf("%v: exit %d, %s%s", args, code, stdout, stderr)
				}
				said += stdout + stderr
			}
			if strings.Contains(said, canary) {
				t.Errorf("the password is shown: %s", around(said, canary))
			}
		})
	}
}

func body(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func around(text, part string) string {
	at := strings.Index(text, part)
	return text[max(0, at-200):min(len(text), at+200)]
}

// TestSecondServerOfAFile: under any name of the file, the second process is refused, and
// what the first acknowledged is there afterwards.
func TestSecondServerOfAFile(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "a.db"), filepath.Join(t.TempDir(), "b.db")
	listen := gatetest.FreeAddress(t)
	config := write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), scrapers(3))
	first := start(t, "serve", "--listen", listen, "--db", "sqlite:"+file, "--config", config)
	a := api{t, "http://" + listen}
	a.ready()
	if err := os.Link(file, link); err != nil {
		t.Fatal(err)
	}
	before := len(a.events())
	for _, args := range [][]string{
		{"serve", "--listen", gatetest.FreeAddress(t)}, {"db", "migrate"}, {"db", "status"}, {"events", "list"}, {"events", "verify"}, {"projections", "rebuild", "runs"},
	} {
		stdout, stderr, code := command(t, append(args, "--db", "sqlite:"+link)...)
		if code != 6 || !strings.Contains(stderr, "under another name") || strings.Contains(stdout, "run.") {
			t.Errorf("%v: exit %d, %s", args, code, stderr)
		}
	}
	if code := first.stop(t); code != 0 {
		t.Fatalf("exit %d", code)
	}
	stdout, stderr, code := command(t, "events", "list", "-o", "ndjson", "--db", "sqlite:"+link)
	if code != 0 || strings.Count(stdout, "\n") < before {
		t.Errorf("after the server stopped: exit %d, %d events of %d, %s", code, strings.Count(stdout, "\n"), before, stderr)
	}
}

// TestServeThroughAPooler ends with 6 and says what is needed.
func TestServeThroughAPooler(t *testing.T) {
	for _, mode := range []string{"session", "transaction"} {
		db := eventstoretest.Pooler(t, eventstoretest.Postgres(t).URL, "pool_mode = "+mode)
		_, stderr, code := command(t, "serve", "--listen", gatetest.FreeAddress(t), "--db", db)
		if code != 6 || !strings.Contains(stderr, "needs a direct connection") {
			t.Errorf("%s mode: exit %d, %s", mode, code, stderr)
		}
	}
}
