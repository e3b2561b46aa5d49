package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"scrapelog/handlers/gate/gatetest"
)

// helpExample says how an example of a help is run, where that is more than calling it. The
// exit code is 0 unless it says another.
type helpExample struct {
	line   string
	code   int
	before string // a command that makes ready what it needs
	named  string // a command that prints what stands for the id in it
	typed  string // what a person types on the terminal that it needs
	ends   bool   // it is ended by a signal
	during string // a command that is run meanwhile
}

const (
	anID  = "1f0c9e2a"
	aKey  = "scrapelog/4f2a…+1b2c3d4e+AV…"
	words = "correct horse battery\r"
)

// beside are the examples that are run beside the server in an order of their own, and
// alone those that are run when it has stopped. All others are run first.
var beside = []helpExample{
	{line: "scrapelog top --interval 5s", typed: "q"},
	{line: "scrapelog events tail -f -o ndjson --cursor-file seen", code: exitInterrupted, ends: true},
	{line: "scrapelog events tail --exit-on run.completed --scraper shop-prices --timeout 1h", during: "runs start shop-prices"},
	{line: "scrapelog runs show 1f0c9e2a --jq .cause", named: "runs list --status connection_failed --jq .[0].id"},
	{line: "scrapelog runs cancel latest --reason 'wrong parameters'", before: "runs start shop-hangs"},
	{line: "scrapelog audit prove 4 > proof.json"},
	{line: "scrapelog audit check-proof proof.json --key " + aKey},
	{line: "scrapelog audit bundle --after 1000 --until 2000 -o part.zip"},
	{line: "scrapelog audit bundle --after 2026-03-01 --until 2026-04-01 -o march.zip"},
	{line: "scrapelog audit check-bundle march.zip --key " + aKey},
	{line: "scrapelog audit bundle --run 6ba7b810 -o run.zip", named: "runs list --jq .[-1].id"},
	{line: "scrapelog events export > log.ndjson"},
	{line: "scrapelog notices list --state given_up"},
	{line: "scrapelog notices show latest"},
	{line: "scrapelog notices retry 1f0c9e2a", named: "notices list --state sent --jq .[-1].id", code: exitRefused}, // it was taken
	{line: "scrapelog events dead-letters show 7", code: exitNotFound},
	{line: "scrapelog events dead-letters replay 7", code: exitNotFound},
	{line: "scrapelog events grep 'connection re(set|fused)' --since 1h", code: exitNegative}, // none was
	{line: "scrapelog db repair-guards", code: exitRefused},
	{line: "scrapelog projections rebuild runs", code: exitRefused},
	{line: "scrapelog scrapers remove shop-prices --reason 'the shop has closed'", code: exitRefused}, // the file manages it
	{line: "scrapelog users add ada --role admin", typed: words + words},
	{line: "scrapelog login --user ada", typed: words},
	{line: "scrapelog login --server https://scrapelog.example.org --user ada", typed: words},
	{line: "scrapelog users add bob --role view --password-stdin < password"},
	{line: "scrapelog users role bob operate"},
	{line: "scrapelog users passwd bob", typed: words + words},
	{line: "scrapelog users disable bob"},
	{line: "scrapelog users remove bob"},
	{line: "scrapelog users list"},
	{line: "scrapelog tokens add ci --role operate --scrapers 'shop-*' --expires 90d"},
	{line: "scrapelog tokens list"},
	{line: "scrapelog tokens revoke 4f2a1b2c", named: "tokens list --jq .[0].id"},
	{line: "scrapelog logout"},
}

var alone = []helpExample{
	{line: "scrapelog events import log.ndjson --db sqlite:copy.db"},
	{line: "scrapelog db migrate --db sqlite:new.db"},
	{line: "scrapelog audit checkpoint"},
	{line: "scrapelog audit rotate-key"},
	{line: "scrapelog serve", ends: true},
	{line: "scrapelog serve --config scrapelog.yaml --listen 127.0.0.1:8080 --db sqlite:scrapelog.db", ends: true},
	{line: "scrapelog worker --config worker.yaml", ends: true},
	{line: "scrapelog config example > scrapelog.yaml"},
	{line: "scrapelog demo", code: -1}, // TestTheDemo runs both as processes
	{line: "scrapelog demo --break", code: -1},
}

// street is where the examples of the help are run.
type street struct {
	*testing.T
	replace *strings.Replacer
	known   map[string]bool
	key     string // the file of the log's key
	sealed  string // a time before which every event is sealed
}

// TestExamplesOfHelpRun runs every example of every help as it is printed, in a folder with
// a log and beside a server. Addresses, and ids that no log has, are replaced.
func TestExamplesOfHelpRun(t *testing.T) {
	t.Chdir(t.TempDir())
	s := &street{T: t, known: map[string]bool{}}
	stop := s.open()
	var lines []string
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Runnable() && cmd.Example == "" && !cmd.HasSubCommands() && cmd.Name() != "cause" && cmd.Name() != "help" && cmd.Parent().Name() != "completion" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Example) {
			line = strings.TrimSpace(line)
			lines, s.known[line] = append(lines, line), true
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRootCmd())
	own := map[string]bool{}
	for _, e := range append(append([]helpExample{}, beside...), alone...) {
		own[e.line] = true
		if !s.known[e.line] {
			t.Errorf("no help has %q", e.line)
		}
	}
	for _, line := range lines {
		if !own[line] {
			s.run(helpExample{line: line})
		}
	}
	for _, e := range beside {
		s.run(e)
	}
	stop()
	for _, e := range alone {
		s.run(e)
	}
}

// open makes the folder and starts the server in it. Two runs have completed, and one was
// lost.
func (s *street) open() (stop func() int) {
	t := s.T
	var drops atomic.Bool
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Method != http.MethodPost || r.URL.Path == "/notices" {
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "event: progress\ndata: 1\n\n")
		w.(http.Flusher).Flush()
		switch {
		case strings.HasSuffix(r.URL.Path, "shop-hangs"):
			<-r.Context().Done()
		case drops.Swap(false):
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, "event: completed\ndata: {\"items\":7}\n\n")
	}))
	t.Cleanup(shop.Close)
	address, other := gatetest.FreeAddress(t), gatetest.FreeAddress(t)
	s.replace = strings.NewReplacer("http://127.0.0.1:9090", shop.URL, "http://127.0.0.1:8081", "http://"+address, "127.0.0.1:8080", other,
		"https://scrapelog.example.org", "http://"+address, "--after 1000 --until 2000", "--after 1 --until 4")
	putFile(t, "scrapelog.yaml", "listen: "+address+"\nnotify: {group_wait: 0s, to: [{name: ops, webhook_env: OPS_URL, on: [run]}]}\nscrapers:\n"+
		"  - {name: shop-prices, schedule: '@daily', url: '"+shop.URL+"/scrapes/shop-prices'}\n  - {name: shop-hangs, url: '"+shop.URL+"/scrapes/shop-hangs'}\n")
	putFile(t, "scrapers.yaml", "scrapers:\n  - {name: of-the-api, url: '"+shop.URL+"/scrapes/of-the-api'}\n")
	putFile(t, "worker.yaml", "listen: "+gatetest.FreeAddress(t)+"\nscrapes: [{name: shop-prices, command: ['true']}]\n")
	putFile(t, "password", "another horse battery\n")
	for name, value := range map[string]string{
		"XDG_STATE_HOME": filepath.Join(t.TempDir(), "state"), "XDG_CONFIG_HOME": t.TempDir(), "SCRAPELOG_SERVER": "http://" + address,
		"OPS_URL": shop.URL + "/notices", "TERM": "xterm",
	} {
		t.Setenv(name, value)
	}
	stop = serveHere(t, address)
	exits(t, 0, "completed", "runs", "start", "shop-prices", "--wait")
	drops.Store(true)
	exits(t, 1, "connection_failed", "runs", "start", "shop-prices", "--wait")
	s.until("the recovery run has completed", "runs", "list", "--status", "completed", "--jq", "if length == 2 then . else error end")
	for range 20 {
		exits(t, 0, "", "scrapers", "pause", "shop-hangs")
		exits(t, 0, "", "scrapers", "resume", "shop-hangs")
	}
	s.sealed = time.Now().UTC().Format(time.RFC3339Nano)
	s.until("the log is sealed", "events", "verify")
	keys, err := filepath.Glob(filepath.Join(os.Getenv("XDG_STATE_HOME"), "scrapelog", "*", "audit.key"))
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	s.key = keys[0]
	return stop
}

// until runs a command until it exits with 0.
func (s *street) until(what string, args ...string) {
	s.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		_, stderr, code := invoke(s.T, args...)
		if code == 0 {
			return
		}
		if time.Now().After(end) {
			s.Fatalf("never: %s: %s", what, stderr)
		}
	}
}

// run runs one example.
func (s *street) run(e helpExample) {
	s.Helper()
	if e.code < 0 {
		return
	}
	line, input, output := s.replace.Replace(e.line), "", ""
	if e.before != "" {
		exits(s.T, 0, "", shellWords(e.before)...)
	}
	if e.named != "" {
		id, _ := exits(s.T, 0, "", shellWords(e.named)...)
		line = strings.NewReplacer(anID, strings.TrimSpace(id), "6ba7b810", strings.TrimSpace(id), "4f2a1b2c", strings.TrimSpace(id)).Replace(line)
	}
	line = strings.NewReplacer(aKey, s.key, "2026-04-01", s.sealed).Replace(line)
	line, output, _ = strings.Cut(line, " > ")
	line, input, _ = strings.Cut(line, " < ")
	if e.typed != "" {
		s.onTerminal(e, line)
		return
	}
	ctx, cancel := context.WithTimeout(s.Context(), 30*time.Second)
	defer cancel()
	if e.ends {
		time.AfterFunc(500*time.Millisecond, cancel)
	}
	if e.during != "" {
		time.AfterFunc(100*time.Millisecond, func() { invoke(s.T, shellWords(e.during)...) })
	}
	var stdin []byte
	if input != "" {
		stdin, _ = os.ReadFile(input)
	}
	var stdout, stderr bytes.Buffer
	code := 0
	for part := range strings.SplitSeq(line, " | ") {
		stdout.Reset()
		if code = run(ctx, shellWords(part)[1:], bytes.NewReader(stdin), &stdout, &stderr); code != 0 {
			break
		}
		stdin = bytes.Clone(stdout.Bytes())
	}
	if code != e.code {
		s.Errorf("%s: exit %d, want %d: %.1000s%.300s", line, code, e.code, stderr.String(), stdout.String())
	}
	if output != "" {
		putFile(s.T, output, stdout.String())
	}
}

// onTerminal runs an example on a terminal, and types what it asks for.
func (s *street) onTerminal(e helpExample, line string) {
	s.Helper()
	on := onScreen(s.T, 80, 24, shellWords(line)[1:]...)
	for i, key := range strings.SplitAfter(strings.TrimSuffix(e.typed, "\r"), "\r") {
		if key == "q" {
			on.shows("q quit")
			on.press(key)
			continue
		}
		on.shows([]string{"assword", "Again:"}[i])
		on.press(strings.TrimSuffix(key, "\r") + "\r")
	}
	on.ends(e.code)
}

// shellWords splits a line at blanks outside of single quotes, up to a redirection.
func shellWords(line string) (words []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			words = append(words, part)
			continue
		}
		for _, word := range strings.Fields(part) {
			if word == ">" {
				return words
			}
			words = append(words, word)
		}
	}
	return words
}
