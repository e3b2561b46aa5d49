package main_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh/agent"

	"scrapelog/eventstore/proof"
	"scrapelog/handlers/gate/gatetest"
	"scrapelog/handlers/witness/witnesstest"
)

// witnessing is a witness that runs elsewhere.
type witnessing struct {
	url, key string
	register func(key string) // of the log
}

// startWitness starts litewitness if SCRAPELOG_LITEWITNESS names it, as "make witness"
// does; else one of our own, whose answers are the same.
func startWitness(t *testing.T) witnessing {
	if program := os.Getenv("SCRAPELOG_LITEWITNESS"); program != "" {
		return startLitewitness(t, program)
	}
	h := witnesstest.New()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return witnessing{server.URL, h.Key(), func(key string) {
		if err := h.Register(key); err != nil {
			t.Fatal(err)
		}
	}}
}

// startLitewitness starts the witness of filippo.io/torchwood with a key in an agent of
// our own. Its witnessctl, which registers logs, cannot be had everywhere: the tables are
// written as it writes them.
func startLitewitness(t *testing.T, program string) witnessing {
	t.Helper()
	dir := t.TempDir()
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	keys := agent.NewKeyring()
	if err := keys.Add(agent.AddedKey{PrivateKey: private}); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "agent")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(keys, conn) }() // until it hangs up
		}
	}()
	fingerprint := sha256.Sum256(private.Public().(ed25519.PublicKey))
	listen, database := gatetest.FreeAddress(t), filepath.Join(dir, "litewitness.db")
	p := launch(t, exec.Command(program, "-name", "witness.example/lite", "-db", database, "-ssh-agent", socket, "-key", hex.EncodeToString(fingerprint[:]), "-listen", listen), program)
	var key []string
	await(t, 30*time.Second, "litewitness serves", func() bool {
		key = regexp.MustCompile(`vkey=(\S+)`).FindStringSubmatch(p.out.String())
		conn, err := net.Dial("tcp", listen)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil && key != nil
	})
	db, err := sql.Open("sqlite", database+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return witnessing{"http://" + listen, key[1], func(public string) {
		t.Helper()
		origin, _, _ := strings.Cut(public, "+")
		empty := sha256.Sum256(nil)
		_, err := db.Exec(`INSERT OR IGNORE INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)`, origin, base64.StdEncoding.EncodeToString(empty[:]))
		if err == nil {
			_, err = db.Exec(`INSERT INTO key (origin, key) VALUES (?, ?)`, origin, public)
		}
		if err != nil {
			t.Fatal(err)
		}
	}}
}

// watched is a log whose checkpoints are sent to a witness.
type watched struct {
	*testing.T
	folder, config string
	scrapers       int
}

func (w *watched) key() string {
	w.Helper()
	key, err := proof.ReadKey(filepath.Join(w.folder, "audit.key"))
	if err != nil {
		w.Fatal(err)
	}
	return key.Public
}

// serve starts a server, and wants it to warn of the witness in these words, or not to;
// then it adds some events and stops.
func (w *watched) serve(warns string, events int) {
	w.Helper()
	listen := gatetest.FreeAddress(w.T)
	a := api{w.T, "http://" + listen}
	p := start(w.T, "serve", "--listen", listen)
	a.ready()
	var known struct{ Warnings []string }
	var told struct {
		Notices []struct{ Type, Title string }
	}
	await(w.T, 30*time.Second, fmt.Sprintf("the server warns of %q, and no more", warns), func() bool {
		known.Warnings, told.Notices = nil, nil
		a.do("GET", "/readyz", "", &known)
		a.do("GET", "/api/v1/notices?limit=1", "", &told)
		said := strings.Join(known.Warnings, "\n")
		if warns == "" {
			return !strings.Contains(said, "itness") && (len(told.Notices) == 0 || told.Notices[0].Type == "log.ended")
		}
		return strings.Contains(said, warns) && len(told.Notices) == 1 && told.Notices[0].Type == "log.started"
	})
	for range events {
		w.scrapers++
		if status, body := a.put(fmt.Sprintf("shop-%d", w.scrapers), `{"url":"http://127.0.0.1:9/"}`); status != 201 {
			w.Fatal(status, body)
		}
	}
	if code := p.stop(w.T); code != 0 {
		w.Fatal("exit ", code)
	}
}

func (w *watched) exits(code int, says string, args ...string) {
	w.Helper()
	stdout, stderr, got := commandAt(w.T, stateHome(w), args...)
	if got != code || !strings.Contains(stdout+stderr, says) {
		w.Errorf("%q: exit %d, want %d and %q\n%s%s", args, got, code, says, stdout, stderr)
	}
}

func (w *watched) copyTo(folder string) {
	w.Helper()
	if err := os.CopyFS(folder, os.DirFS(w.folder)); err != nil {
		w.Fatal(err)
	}
}

// putBack replaces database, key and all that is kept outside.
func (w *watched) putBack(folder string) {
	w.Helper()
	if err := os.RemoveAll(w.folder); err != nil {
		w.Fatal(err)
	}
	if err := os.CopyFS(w.folder, os.DirFS(folder)); err != nil {
		w.Fatal(err)
	}
	for _, file := range []string{"audit.key", "audit.checkpoints", "log.db"} {
		if err := os.Chmod(filepath.Join(w.folder, file), 0o600); err != nil {
			w.Fatal(err)
		}
	}
}

// TestAWitnessAgainstTheOwner: a log that was rolled back together with everything that is
// kept outside, and then signed again, is intact for all who do not ask the witness. The
// witness refuses it; people are told, and verify says so.
func TestAWitnessAgainstTheOwner(t *testing.T) {
	witness := startWitness(t)
	folder := filepath.Join(t.TempDir(), "log")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	w := &watched{T: t, folder: folder, config: write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), fmt.Sprintf(
		"database: sqlite:%s/log.db\naudit:\n  key: %[1]s/audit.key\n  checkpoints: %[1]s/audit.checkpoints\n  witnesses: [{name: w1, key: %q, url: %q}]\n"+
			"scrapers: [{name: shop, url: \"http://127.0.0.1:9/\"}]\nnotify: {to: [{name: ops, webhook_env: OPS, on: [log]}]}\n", folder, witness.key, witness.url))}
	setenv(t, "OPS", "http://127.0.0.1:9/")
	setenv(t, "SCRAPELOG_CONFIG", w.config)
	earlier, later := filepath.Join(t.TempDir(), "earlier"), filepath.Join(t.TempDir(), "later")

	w.serve("Witness w1 does not take the log (404 unknown log)", 0)
	witness.register(w.key())
	w.serve("", 1)
	w.exits(0, "witness w1", "events", "verify")
	w.exits(0, "asked now", "events", "verify", "--witness")
	w.copyTo(earlier)
	w.serve("", 5)
	w.exits(0, "asked now", "events", "verify", "--witness")
	w.copyTo(later)

	w.putBack(earlier)
	w.exits(0, "The log is intact", "events", "verify", "--all")
	w.exits(5, "witness_ahead", "events", "verify", "--witness")
	w.serve("it was rolled back", 9)
	w.exits(0, "The log is intact", "events", "verify", "--all")
	w.exits(5, "(bad consistency proof): it was rewritten or forked", "events", "verify", "--witness")
	w.serve("(bad consistency proof): it was rewritten or forked", 0)

	w.putBack(later)
	w.exits(0, "asked now", "events", "verify", "--witness")
	w.exits(0, "", "audit", "rotate-key")
	w.serve("", 1) // what the old key has signed is still taken, what the new one signs is not
	w.exits(1, "Witness w1 does not take the log (403 invalid signature): register", "events", "verify", "--witness")
	witness.register(w.key())
	w.serve("", 0)
	w.exits(0, "asked now", "events", "verify", "--witness")

	// A backup is restored and accepted, then given another name, as docs/howto/backup.md has it.
	if err := os.Rename(filepath.Join(earlier, "log.db"), filepath.Join(folder, "log.db")); err != nil {
		t.Fatal(err)
	}
	w.exits(0, "", "audit", "checkpoint", "--accept-restored", "the disk broke")
	w.serve("it was rolled back", 1)
	w.exits(5, "witness_ahead", "events", "verify", "--witness")
	for _, file := range []string{"audit.key", "audit.checkpoints"} {
		if err := os.Rename(filepath.Join(folder, file), filepath.Join(folder, file+".old")); err != nil {
			t.Fatal(err)
		}
	}
	w.exits(0, "", "audit", "checkpoint", "--accept-restored", "a new name for the witness")
	witness.register(w.key())
	w.serve("", 1)
	w.exits(0, "asked now", "events", "verify", "--witness")
}
