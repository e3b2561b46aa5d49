package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"golang.org/x/term"
)

// screen is a terminal of the kind that people have, with a program of this process on it.
type screen struct {
	*testing.T
	mu     sync.Mutex
	drawn  *vt.Emulator
	bytes  bytes.Buffer
	keys   *os.File // the end of the person
	tty    *os.File // the end of the program
	before term.State
	ended  chan int
}

// onScreen runs the program on a terminal.
func onScreen(t *testing.T, wide, high int, args ...string) *screen {
	t.Helper()
	keys, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{T: t, drawn: vt.NewEmulator(wide, high), keys: keys, tty: tty, ended: make(chan int, 1)}
	s.resize(wide, high)
	before, err := term.GetState(int(tty.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	s.before = *before
	read := make(chan struct{})
	go func() {
		defer close(read)
		for part := make([]byte, 4096); ; {
			n, err := keys.Read(part)
			s.mu.Lock()
			_, _ = s.drawn.Write(part[:n])
			s.bytes.Write(part[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	go func() { _, _ = io.Copy(keys, s.drawn) }() // a terminal answers what it is asked
	ctx, cancel := context.WithCancel(t.Context())
	go func() { s.ended <- run(ctx, args, tty, tty, tty) }()
	t.Cleanup(func() {
		cancel()
		_, _ = io.WriteString(keys, "\x03\r\r") // ends what still reads
		_ = tty.Close()
		_ = keys.Close()
		<-read
		_ = s.drawn.InputPipe().(io.Closer).Close() // Close of the emulator has a race
	})
	return s
}

func (s *screen) resize(wide, high int) {
	s.mu.Lock()
	s.drawn.Resize(wide, high)
	s.mu.Unlock()
	if err := pty.Setsize(s.keys, &pty.Winsize{Cols: uint16(wide), Rows: uint16(high)}); err != nil { //nolint:gosec // small
		s.Fatal(err)
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGWINCH) // the terminal is not the one of this process
}

func (s *screen) press(keys string) {
	s.Helper()
	if _, err := io.WriteString(s.keys, keys); err != nil {
		s.Fatal(err)
	}
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drawn.String()
}

// shows waits until the screen shows each text.
func (s *screen) shows(texts ...string) string {
	s.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		now, missing := s.text(), ""
		for _, text := range texts {
			if !strings.Contains(now, text) {
				missing = text
			}
		}
		if missing == "" {
			return now
		}
		if time.Now().After(end) {
			s.Fatalf("%q is not on the screen:\n%s", missing, now)
		}
	}
}

// ends waits for the program's end: its code, and the terminal as it was.
func (s *screen) ends(code int) {
	s.Helper()
	select {
	case got := <-s.ended:
		if got != code {
			s.Errorf("exit %d, want %d:\n%s", got, code, s.text())
		}
	case <-time.After(30 * time.Second):
		s.Fatalf("it does not end:\n%s", s.text())
	}
	after, err := term.GetState(int(s.tty.Fd()))
	if err != nil || *after != s.before {
		s.Errorf("the terminal is not as it was: %v, %v", after, err)
	}
}

// written returns all that the program wrote, after its end.
func (s *screen) written() string {
	s.Helper()
	if _, err := io.WriteString(s.tty, "\r\nthe end"); err != nil {
		s.Fatal(err)
	}
	s.shows("the end")
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes.String()
}

// topAPI is a server for top: three scrapers, one of them lost.
func topAPI(t *testing.T) (f *fakeServer, down *atomic.Bool) {
	t.Helper()
	f, down = fakeAPI(t), &atomic.Bool{}
	now := time.Now().UTC()
	named := func(name string) string { return strings.ReplaceAll(shop, `"name":"shop"`, `"name":"`+name+`"`) }
	lost := strings.Replace(named("zoo-tickets"), `"state":"up"`, `"state":"lost","cause":"reset","link":"scraper","since":"`+now.Add(-5*time.Minute).Format(time.RFC3339)+`"`, 1)
	lost = strings.Replace(lost, `"position":1`, `"last_run":{"id":"`+runID+`","status":"connection_failed","started_at":"2026-11-23T12:00:00Z"},"position":1`, 1)
	f.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, `{"status":"ready"}`)
	})
	f.answer("GET /api/v1/scrapers", 200, `{"scrapers":[`+named("alpha")+`,`+named("beta")+`,`+lost+`]}`)
	f.answer("GET /api/v1/runs", 200, `{"runs":[`+lostRun+`]}`)
	f.answer("GET /api/v1/runs/"+runID, 200, lostRun)
	f.answer("GET /api/v1/outages", 200, `{"outages":[]}`)
	f.answer("GET /api/v1/scrapers/shop", 200, shop)
	f.lostStory()
	f.HandleFunc("GET /api/v1/lanes", func(w http.ResponseWriter, r *http.Request) {
		var lanes []string
		for _, name := range r.URL.Query()["scraper"] {
			slots := fmt.Sprintf(`{"start":%q,"completed":3},{"start":%q,"failed":1,"completed":2},{"start":%q,"away_ms":5}`,
				now.Truncate(15*time.Minute).Add(-45*time.Minute).Format(time.RFC3339), now.Truncate(15*time.Minute).Add(-30*time.Minute).Format(time.RFC3339),
				now.Truncate(15*time.Minute).Add(-15*time.Minute).Format(time.RFC3339))
			lanes = append(lanes, `{"scraper":"`+name+`","slots":[`+slots+`]}`)
		}
		_, _ = io.WriteString(w, `{"lanes":[`+strings.Join(lanes, ",")+`]}`)
	})
	return f, down
}

// TestTopOnATerminal is an operator's minute before the screen.
func TestTopOnATerminal(t *testing.T) {
	t.Setenv("TERM", "xterm-256color")
	t.Setenv("NO_COLOR", "")
	f, down := topAPI(t)
	s := onScreen(t, 80, 24, "top", "--interval", "100ms")
	seen := s.shows(" ready · ", "3 scrapers · 1 lost · 1 running", "LAST ", "▆✕░", "▸ ↯ zoo-tickets", "lost 5m ago", "q quit")
	if strings.Index(seen, "zoo-tickets") > strings.Index(seen, "· alpha") {
		t.Errorf("the lost one is not the first:\n%s", seen)
	}
	s.press("j")
	s.shows("▸ · alpha")
	s.press("\x1b[B") // down
	s.shows("▸ · beta")
	s.press("kG")
	s.shows("▸ · beta")
	s.press("g")
	s.shows("▸ ↯ zoo-tickets")

	s.press("/bet")
	s.shows("Show names that contain: bet▏", "▸ · beta")
	if strings.Contains(s.text(), "· alpha") {
		t.Errorf("the filter shows what has not that name:\n%s", s.text())
	}
	s.press("\r")
	s.shows(`names with "bet"`)
	f.answer("POST /api/v1/scrapers/beta/pause", 200, shop)
	f.answer("POST /api/v1/scrapers/beta/runs", 409, problem(409, "beta has an open run"))
	s.press("p")
	s.shows("Pause beta? Enter does, Esc does not. Reason: ▏")
	s.press("too lout\x7fd\r")
	s.shows("beta paused")
	f.asked(t, `POST /api/v1/scrapers/beta/pause {"reason":"too loud"}`)
	s.press("s")
	s.shows("beta has an open run")
	s.press("\x1b")
	s.shows("· alpha")

	s.press("g\r")
	s.shows("zoo-tickets, run "+runID, "Lost after 41 s", "shop: connection back after 18 s", "Esc back")
	s.press("q")
	s.shows("LAST ")
	s.press("?")
	s.shows("Ctrl-Z", "░ away")
	s.press("\r")
	s.resize(50, 12)
	s.shows("zoo-tickets", "…")
	s.resize(80, 24)

	down.Store(true)
	s.shows("no answer since", "asking again: cannot reach a server at "+f.url[:20], "zoo-tickets")
	down.Store(false)
	s.shows("ready · ")
	s.press("\x03")
	s.ends(0)
	if raw := s.written(); !strings.Contains(raw, "\x1b[33m") || !strings.Contains(raw, "\x1b[?1049l") {
		t.Errorf("no colours, or the screen before was not shown again: %.3000q", raw)
	}
}

func TestTopWithoutColours(t *testing.T) {
	t.Setenv("TERM", "xterm-256color")
	t.Setenv("NO_COLOR", "1")
	topAPI(t)
	s := onScreen(t, 80, 24, "top")
	s.shows("↯ zoo-tickets")
	s.press("q")
	s.ends(0)
	for _, colour := range []string{"\x1b[31m", "\x1b[33m", "\x1b[90m"} {
		if raw := s.written(); strings.Contains(raw, colour) {
			t.Errorf("%q in %q", colour, raw)
		}
	}
}

// TestTopEnds: what no waiting mends ends it, with the terminal as it was.
func TestTopEnds(t *testing.T) {
	t.Setenv("TERM", "xterm-256color")
	f := fakeAPI(t)
	f.answer("GET /readyz", 401, problem(401, "log in"))
	s := onScreen(t, 80, 24, "top")
	s.ends(6)
	s.shows("log in")
	for _, name := range []string{"", "dumb"} {
		t.Setenv("TERM", name)
		s = onScreen(t, 80, 24, "top")
		s.ends(2)
		s.shows("on which nothing can be drawn")
	}
}
