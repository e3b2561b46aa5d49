package main_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// TestLoginsOfTheCommandLine plays how a new service becomes one that others can reach:
// the first admin at the database, the service, a login, a token, its limits and its end.
func TestLoginsOfTheCommandLine(t *testing.T) {
	t.Parallel()
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		dir, listen := t.TempDir(), gatetest.FreeAddress(t)
		key := filepath.Join(dir, "audit.key")
		config := write(t, filepath.Join(dir, "scrapelog.yaml"), "database: "+db.URL+"\naudit: {key: "+key+", checkpoints: "+filepath.Join(dir, "notes")+"}\n"+
			"listen: "+listen+"\ntrusted_proxies: [127.0.0.1]\n")
		setenv(t, "SCRAPELOG_CONFIG", config)
		setenv(t, "SCRAPELOG_SERVER", "http://"+listen)
		setenv(t, "XDG_CONFIG_HOME", filepath.Join(dir, "config"))
		cli := commandLine{t}
		cli.exits(0, "admin", rolePassword, "users", "add", "ada", "--role", "admin", "--password-stdin", "--db", db.URL)
		if _, err := os.Stat(key); err != nil {
			t.Errorf("the key is not where the configuration has it: %v", err)
		}
		if left, err := os.ReadDir(stateHome(t)); err != nil || len(left) > 0 {
			t.Errorf("the default folder has %v, %v", left, err)
		}
		start(t, "serve")
		ready := func(token string) int { return answers("http://"+listen+"/readyz", token) }
		await(t, 30*time.Second, "it serves", func() bool { return ready("") == http.StatusUnauthorized })

		cli.exits(6, "log in", "", "users", "list")
		cli.exits(6, "", "a wrong password", "login", "--user", "ada", "--password-stdin")
		cli.exits(0, "ada", rolePassword, "login", "--user", "ada", "--password-stdin")
		cli.exits(0, "ada", "", "users", "list")
		cli.exits(0, "view", rolePassword, "users", "add", "vic", "--role", "view", "--password-stdin")
		var token struct{ ID, Token string }
		if err := json.Unmarshal([]byte(cli.exits(0, "slg_", "", "tokens", "add", "vic", "--role", "view", "-o", "json")), &token); err != nil {
			t.Fatal(err)
		}
		await(t, 30*time.Second, "what it signs with that key is well", func() bool { return ready(token.Token) == http.StatusOK })
		file := write(t, filepath.Join(dir, "token"), token.Token+"\n")
		cli.exits(6, "needs operate; your token is view", "", "scrapers", "pause", "shop", "--token-file", file)
		cli.exits(0, "", "", "runs", "list", "--token-file", file)

		// Pages name who did something, and after their removal the log has an id.
		paused := func() string { return textOf(t, "http://"+listen+"/scrapers/shop", token.Token) }
		scraper := write(t, filepath.Join(dir, "shop.yaml"), "scrapers: [{name: shop, url: 'http://127.0.0.1:9/'}]\n")
		cli.exits(0, "", "", "scrapers", "apply", "-f", scraper)
		var bob struct{ ID, Token string }
		cli.exits(0, "admin", rolePassword, "users", "add", "bob", "--role", "admin", "--password-stdin")
		if err := json.Unmarshal([]byte(cli.exits(0, "slg_", "", "tokens", "add", "bob", "--role", "operate", "-o", "json")), &bob); err != nil {
			t.Fatal(err)
		}
		cli.exits(0, "", "", "scrapers", "pause", "shop", "--token-file", write(t, filepath.Join(dir, "bob"), bob.Token))
		await(t, 30*time.Second, "the page names bob", func() bool { return strings.Contains(paused(), "It was paused by bob (token bob) at") })
		position := strings.TrimSpace(cli.exits(0, "", "", "events", "list", "--type", "scraper.paused", "--jq", ".[0].position", "--db", db.URL))
		cli.exits(0, "token:"+bob.ID+", bob (token bob)", "", "events", "show", position, "--db", db.URL)
		cli.exits(0, "removed", "", "users", "remove", "bob")
		await(t, 30*time.Second, "the page has his token's id", func() bool { return strings.Contains(paused(), "It was paused by token:"+bob.ID+" at") })

		ended := streamOf(t, "http://"+listen+"/api/v1/watch", token.Token)
		cli.exits(0, "revoked", "", "tokens", "revoke", token.ID)
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			t.Error("the stream of a revoked token goes on")
		}
		cli.exits(6, "revoked", "", "runs", "list", "--token-file", file)
		cli.exits(0, "", "", "logout")
		cli.exits(6, "log in", "", "users", "list")
	})
}

// commandLine runs commands beside a service, with its keys.
type commandLine struct{ *testing.T }

// exits runs a command that is given text on stdin, and returns its stdout.
func (c commandLine) exits(code int, says, stdin string, args ...string) string {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	var out, errs strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin+"\n"), &out, &errs
	cmd.Env = append(os.Environ(), append(environment(c.T), "XDG_STATE_HOME="+stateHome(c.T), "NO_COLOR=1")...)
	_ = cmd.Run() // its exit code tells
	said := out.String()
	if code != 0 {
		said = errs.String()
	}
	if got := cmd.ProcessState.ExitCode(); got != code || !strings.Contains(said, says) {
		c.Fatalf("scrapelog %s: exit %d, want %d with %q:\n%s%s", strings.Join(args, " "), got, code, says, &out, &errs)
	}
	return out.String()
}

// textOf is the text of a page as a token's user sees it.
func textOf(t *testing.T, url, token string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
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

// streamOf opens a stream with a token. The channel is closed when the stream ends.
func streamOf(t *testing.T, url, token string) <-chan struct{} {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", res, err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
	}()
	return ended
}
